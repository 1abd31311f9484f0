import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { repository } from '@rookery/devkit/stack/repository';

const LockFile = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string().default(''),
      license: z.string().optional(),
      /** Only development needs it. */
      dev: z.boolean().default(false),
      /** Development needs it, and so does an optional peer of the product, which is not installed for that. */
      devOptional: z.boolean().default(false),
    }),
  ),
});
/** What package-lock.json says of each installed package, by its folder. */
export type LockFile = z.input<typeof LockFile>;

/** The repository's lock file. */
export const readLockFile = (): LockFile =>
  LockFile.parse(JSON.parse(readFileSync(join(repository, 'package-lock.json'), 'utf8')));

/** A package that is part of the product. */
export interface ProductionPackage {
  readonly name: string;
  readonly version: string;
  /** As the package says it; undefined when it says nothing. */
  readonly licence: string | undefined;
}

/** Everything that the dependencies of the product bring with them, for every platform. npm marks what is for development. */
export function productionPackages(lock: LockFile): readonly ProductionPackage[] {
  return Object.entries(LockFile.parse(lock).packages)
    .filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional)
    .map(([path, { version, license }]) => ({
      name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
      version,
      licence: license,
    }));
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
