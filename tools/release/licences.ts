import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { repository } from '@rookery/devkit/stack/repository';

const Names = z.record(z.string(), z.string()).default({});
const LockFile = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string().optional(),
      license: z.string().optional(),
      dependencies: Names,
      optionalDependencies: Names,
      peerDependencies: Names,
      peerDependenciesMeta: z.record(z.string(), z.object({ optional: z.boolean().optional() })).default({}),
    }),
  ),
});
/** What package-lock.json says of each installed package, by its folder. */
export type LockFile = z.infer<typeof LockFile>;

/** The repository's lock file, or the one at `file`. */
export const readLockFile = (file = join(repository, 'package-lock.json')): LockFile =>
  LockFile.parse(JSON.parse(readFileSync(file, 'utf8')));

/** A package that is part of the product. */
export interface ProductionPackage {
  readonly name: string;
  readonly version: string;
  /** As the package says it; undefined when it says nothing. */
  readonly licence: string | undefined;
}

/** Everything that the dependencies of the product bring with them, for every platform. */
export function productionPackages({ packages }: LockFile): readonly ProductionPackage[] {
  const reached = new Set<string>();
  const visit = (from: string, name: string): void => {
    const path = resolve(packages, from, name);
    // A peer that nobody installed, or an optional one of another platform.
    if (path === undefined || reached.has(path)) {
      return;
    }
    reached.add(path);
    const found = packages[path];
    if (found === undefined) {
      return;
    }
    const peers = Object.keys(found.peerDependencies).filter(
      (peer) => found.peerDependenciesMeta[peer]?.optional !== true,
    );
    const needed = [...Object.keys(found.dependencies), ...Object.keys(found.optionalDependencies), ...peers];
    for (const next of needed) {
      visit(path, next);
    }
  };
  for (const name of Object.keys(packages['']?.dependencies ?? {})) {
    visit('', name);
  }
  return [...reached].toSorted().map((path) => ({
    name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
    version: packages[path]?.version ?? '',
    licence: packages[path]?.license,
  }));
}

/** The folder that Node takes for `name` from a package in `from`: the nearest one upwards. */
function resolve(packages: LockFile['packages'], from: string, name: string): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const path = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (path in packages) {
      return path;
    }
    if (folder === '') {
      return undefined;
    }
  }
}

/** Licences (SPDX) that ask for no more than to be named: none of them reaches over to our code. */
export const ALLOWED_LICENCES: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  'Python-2.0',
  'Unlicense',
]);

/** Packages that say nothing a program can read; what was found by reading, for exactly that version. */
export const READ_LICENCES: ReadonlyMap<string, string> = new Map([
  // Both ship the text of MIT.
  ['passport-strategy@1.0.0', 'MIT'],
  ['pause@0.0.1', 'MIT'],
]);

/** Whether an SPDX expression can be met by allowed licences: one of those joined by OR, all of those joined by AND. */
export function isAllowed(expression: string): boolean {
  const parts = expression.replace(/^\((.*)\)$/, '$1');
  return parts
    .split(/ OR /)
    .some((choice) =>
      choice.split(/ AND /).every((licence) => ALLOWED_LICENCES.has(licence.replaceAll(/[()]/g, '').trim())),
    );
}

/** Packages whose licence is unknown or not allowed, one line each. */
export function licenceProblems(packages: readonly ProductionPackage[]): readonly string[] {
  return packages.flatMap(({ name, version, licence }) => {
    const known = licence ?? READ_LICENCES.get(`${name}@${version}`);
    if (known === undefined) {
      return [`${name}@${version} has no licence that is known`];
    }
    return isAllowed(known) ? [] : [`${name}@${version} is under ${known}`];
  });
}
