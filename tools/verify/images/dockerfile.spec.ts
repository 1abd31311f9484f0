import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { FRUGAL } from '@rookery/devkit/stack/app-process';
import { repository } from '@rookery/devkit/stack/repository';

const read = (file: string): string => readFileSync(join(repository, file), 'utf8');
const lines = (file: string): readonly string[] =>
  read(file)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

describe('docker/Dockerfile', () => {
  const dockerfile = read('docker/Dockerfile');
  const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));

  it('has the Node that everything else here runs on, and can be given another by digest', () => {
    const { devDependencies } = z
      .object({ devDependencies: z.object({ node: z.string() }) })
      .parse(JSON.parse(read('package.json')));
    expect(dockerfile).toContain(`ARG NODE_IMAGE=docker.io/library/node:${devDependencies.node}-bookworm-slim\n`);
    expect(dockerfile.match(/^FROM .*$/gm)).toEqual([
      'FROM ${NODE_IMAGE} AS workspace',
      'FROM workspace AS build',
      'FROM ${NODE_IMAGE}',
    ]);
  });

  it('needs no frontend from a registry', () => {
    expect(dockerfile).not.toMatch(/^#\s*syntax=/m);
  });

  it('runs no install script of a dependency', () => {
    const installs = dockerfile.match(/npm (ci|install).*/g) ?? [];
    expect(installs).toHaveLength(2);
    expect(installs.filter((install) => !install.includes('--ignore-scripts'))).toEqual([]);
  });

  it('starts node itself as a numeric user, and asks for its health without a shell', () => {
    expect(last).toContain('\nUSER 65532:65532\n');
    expect(last).toMatch(/\nENTRYPOINT \["node"[^\]]*\]\nCMD \["main\.js"\]\n/);
    expect(last).toMatch(/\nHEALTHCHECK .*CMD \["node", "healthcheck\.mjs", "\/livez"\]\n/);
  });

  it('keeps memory low by the same settings as npm start', () => {
    expect(last).toContain(`\nENTRYPOINT ${JSON.stringify(['node', ...FRUGAL.options]).replaceAll(',', ', ')}\n`);
    for (const [name, value] of Object.entries(FRUGAL.env)) {
      expect(last).toContain(` ${name}=${value}`);
    }
  });

  it('brings no npm settings along, and no secret but as a mount', () => {
    expect(last).not.toMatch(/npmrc|--mount=type=secret/);
    expect(dockerfile.match(/type=secret/g)).toHaveLength(2);
    expect(dockerfile).not.toMatch(/^(ARG|ENV) .*(TOKEN|PASSWORD|SECRET)/im);
  });
});

describe('.dockerignore', () => {
  it('lets in what is named only, and of that no secret and no spec', () => {
    const [first, ...rest] = lines('.dockerignore');
    expect(first).toBe('*');
    const allowed = rest.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
    const closed = ['.git', '.data', 'k8s', 'docker', 'docker/.env', '.env', 'tools', 'node_modules'];
    expect(allowed.filter((path) => closed.includes(path))).toEqual([]);
    expect(rest).toEqual(expect.arrayContaining(['**/*.spec.ts', '**/*.int-spec.ts', '**/.env', '**/node_modules']));
  });
});
