import { matchesGlob } from 'node:path';
import { z } from 'zod';
import type { Files, Part } from './part';

const Json = z.record(z.string(), z.unknown());
type Json = z.infer<typeof Json>;
const Names = z.record(z.string(), z.string());

/** JSON files whose arrays of paths and patterns name files of the workspace. */
const NAMES_FILES = /^(?:knip\.json|tsconfig\.json|(?:apps|libs|tools)\/[\w-]+\/project\.json)$/;

const read = (text: string): Json => Json.parse(JSON.parse(text));
const write = (json: Json): string => `${JSON.stringify(json, null, 2)}\n`;

/** `name*` stands for every name that begins so. */
export const matches = (pattern: string, name: string): boolean =>
  pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;

/** Manifest and lock file without scripts and packages; npm prunes the rest of the lock file. */
export function mendManifest(path: string, text: string, parts: readonly Part[], unused: readonly string[]): string {
  const goes = (name: string): boolean =>
    [...unused, ...parts.flatMap(({ packages = [] }) => packages)].some((pattern) => matches(pattern, name));
  const without = (names: unknown, isGone: (name: string) => boolean): Json =>
    Object.fromEntries(Object.entries(Names.parse(names ?? {})).filter(([name]) => !isGone(name)));
  const mend = (json: Json): Json => ({
    ...json,
    ...(json['scripts'] === undefined
      ? {}
      : { scripts: without(json['scripts'], (name) => parts.some(({ scripts = [] }) => scripts.includes(name))) }),
    dependencies: without(json['dependencies'], goes),
    devDependencies: without(json['devDependencies'], goes),
  });
  const json = read(text);
  if (path === 'package.json') {
    return write(mend(json));
  }
  const packages = Json.parse(json['packages']);
  return write({ ...json, packages: { ...packages, '': mend(Json.parse(packages[''])) } });
}

/** Packages of package.json. */
export function packagesIn(manifest: string): readonly string[] {
  const json = read(manifest);
  return Object.keys({ ...Names.parse(json['dependencies']), ...Names.parse(json['devDependencies']) });
}

/** The names of the program and of the npm scripts. */
export function programOf(manifest: string): { readonly name: string; readonly scripts: readonly string[] } {
  const json = read(manifest);
  return { name: z.string().parse(json['name']), scripts: Object.keys(Names.parse(json['scripts'])) };
}

/** A JSON file without the elements that a part names, and without the paths of files that are gone. */
export function mendJson(path: string, text: string, parts: readonly Part[], before: Files, after: Files): string {
  const elements = parts.flatMap((part) => part.elements ?? []).filter(({ file }) => file === path);
  const isNamer = NAMES_FILES.test(path);
  if (elements.length === 0 && !isNamer) {
    return text;
  }
  const json = read(text);
  for (const { array, containing } of elements) {
    json[array] = z
      .array(z.unknown())
      .parse(json[array])
      .filter((element) => !JSON.stringify(element).includes(containing));
  }
  const isGone = (pattern: string): boolean => {
    const glob = pattern.replace('{workspaceRoot}/', '').replace(/^!/, '');
    const named = (files: Files): boolean => [...files.keys()].some((file) => matchesGlob(file, glob));
    return named(before) && !named(after);
  };
  const pruned = isNamer ? Json.parse(pruneStrings(json, isGone)) : json;
  return JSON.stringify(pruned) === JSON.stringify(read(text)) ? text : write(pruned);
}

function pruneStrings(value: unknown, isGone: (text: string) => boolean): unknown {
  if (Array.isArray(value)) {
    return value
      .filter((item) => typeof item !== 'string' || !isGone(item))
      .map((item: unknown) => pruneStrings(item, isGone));
  }
  const object = Json.safeParse(value);
  return object.success
    ? Object.fromEntries(Object.entries(object.data).map(([key, item]) => [key, pruneStrings(item, isGone)]))
    : value;
}

/** Lists with a path at the beginning of each line, without the paths that are gone: CODEOWNERS and .gitignore. */
export const mendList = (text: string, isGone: (path: string) => boolean): string =>
  text
    .split('\n')
    .filter((line) => {
      const path =
        line
          .split(/\s/)[0]
          ?.replace(/^[!/]+/, '')
          .replace(/\/$/, '') ?? '';
      return path === '' || path.startsWith('#') || !isGone(path);
    })
    .join('\n');
