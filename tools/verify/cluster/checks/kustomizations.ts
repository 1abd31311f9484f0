import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { isMap, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { pick, strings } from '../manifest';

const KUSTOMIZATION = 'kustomization.yaml';

/** An object of a source file, as far as a patch looks for it. */
interface Target {
  readonly kind: string;
  readonly name: string;
}

const Source = z.looseObject({ kind: z.string(), metadata: z.looseObject({ name: z.string() }) });
const Selection = z.looseObject({ kind: z.string().optional(), name: z.string().optional() });
const Generator = z.looseObject({ name: z.string(), behavior: z.string().optional() });

function valuesOf(text: string): readonly unknown[] {
  return parseAllDocuments(text, { uniqueKeys: false }).map((document) => {
    const value: unknown = document.toJS();
    return value;
  });
}

const parsed = (file: string): readonly unknown[] => valuesOf(readFileSync(file, 'utf8'));

/**
 * Patches and replacements that kustomize applied to nothing, which it does not mind. Follows the files as kustomize does: what a
 * folder accumulates is patched by it and by its components.
 */
export function patchesOfNothing(root: string, folder: string): readonly string[] {
  const faults: string[] = [];
  const accumulate = (path: string, before: readonly Target[]): readonly Target[] => {
    const [kustomization] = parsed(join(path, KUSTOMIZATION));
    let found = [...before, ...strings(kustomization, 'resources.*').flatMap((name) => resource(join(path, name)))];
    for (const component of strings(kustomization, 'components.*')) {
      found = [...accumulate(join(path, component), found)];
    }
    found.push(...generated(kustomization));
    const where = relative(root, path);
    for (const patch of pick(kustomization, 'patches.*')) {
      const wanted = targetOf(patch, path);
      if (!found.some((target) => matches(wanted, target))) {
        faults.push(`${where}: the patch of ${nameOf(wanted)} finds nothing`);
      }
    }
    for (const select of [
      ...pick(kustomization, 'replacements.*.targets.*.select'),
      ...pick(kustomization, 'replacements.*.source'),
    ]) {
      const wanted = Selection.parse(select);
      if (!found.some((target) => matches(wanted, target))) {
        faults.push(`${where}: no ${nameOf(wanted)} for a replacement`);
      }
    }
    return found;
  };
  const resource = (path: string): readonly Target[] =>
    statSync(path).isDirectory()
      ? accumulate(path, [])
      : parsed(path)
          .filter((value) => value !== null)
          .map((value) => Source.parse(value))
          .map(({ kind, metadata }) => ({ kind, name: metadata.name }));
  accumulate(join(root, folder), []);
  return faults;
}

function generated(kustomization: unknown): readonly Target[] {
  return (['ConfigMap', 'Secret'] as const).flatMap((kind) =>
    pick(kustomization, kind === 'ConfigMap' ? 'configMapGenerator.*' : 'secretGenerator.*')
      .map((value) => Generator.parse(value))
      // kustomize itself refuses to merge into a generator that does not exist.
      .filter(({ behavior }) => behavior !== 'merge')
      .map(({ name }) => ({ kind, name })),
  );
}

type Selection = z.infer<typeof Selection>;

/** What a patch changes: its target, or the object that its text names. */
function targetOf(patch: unknown, folder: string): Selection {
  const [target] = pick(patch, 'target');
  if (target !== undefined) {
    return Selection.parse(target);
  }
  const [file] = strings(patch, 'path');
  const [text] = strings(patch, 'patch');
  const source = file === undefined ? text : readFileSync(join(folder, file), 'utf8');
  const [value] = valuesOf(source ?? '');
  const { kind, metadata } = Source.parse(value);
  return { kind, name: metadata.name };
}

const matches = ({ kind, name }: Selection, target: Target): boolean =>
  (kind === undefined || kind === target.kind) &&
  (name === undefined || new RegExp(`^(?:${name})$`, 'u').test(target.name));

const nameOf = ({ kind = 'object', name = '' }: Selection): string => (name === '' ? kind : `${kind}/${name}`);

/** Every file below a folder. */
export const filesBelow = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

/** YAML that readers understand differently: errors, duplicate keys, a document that is not an object. */
export function unreadableYaml(root: string): readonly string[] {
  return filesBelow(root)
    .filter((file) => file.endsWith('.yaml'))
    .flatMap((file) =>
      parseAllDocuments(readFileSync(file, 'utf8'), { uniqueKeys: true }).flatMap((document) => [
        ...document.errors.map(({ message }) => `${relative(root, file)}: ${message.split('\n')[0] ?? ''}`),
        ...(document.contents === null || isMap(document.contents)
          ? []
          : [`${relative(root, file)}: is not an object`]),
      ]),
    );
}

/** Files that no kustomization mentions: they look deployed and are not. */
export function unusedFiles(root: string): readonly string[] {
  const kustomizations = filesBelow(root).filter((file) => file.endsWith(`/${KUSTOMIZATION}`));
  const texts = kustomizations.map((file) => [join(file, '..'), readFileSync(file, 'utf8')] as const);
  return filesBelow(root)
    .filter((file) => file.endsWith('.yaml') && !file.endsWith(`/${KUSTOMIZATION}`))
    .filter((file) => existsSync(join(file, '..', KUSTOMIZATION)))
    .filter((file) => !texts.some(([folder, text]) => text.includes(relative(folder, file))))
    .map((file) => `${relative(root, file)}: no kustomization mentions it`);
}
