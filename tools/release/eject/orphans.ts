import { posix } from 'node:path';
import { isCode, isSpec, Modules, SPEC, specsBeside, withoutUnusedImports } from './modules';
import type { Files } from './part';

/** What is not here is configuration, which no module imports. */
const SOURCES = /^(?:apps|libs|tools)\//;

/** Without modules that only what is gone imported, directly or not; a spec goes with the module beside it. */
export function withoutOrphans(before: Files, after: Files): Files {
  const files = new Map(after);
  for (const [path, text] of files) {
    if (isCode(path) && text !== before.get(path)) {
      files.set(path, withoutUnusedImports(path, text));
    }
  }
  const gone = reached(
    dependenciesOf(before),
    [...before.keys()].filter((path) => !files.has(path)),
  );
  const wanted = new Set([...dependenciesOf(before).values()].flat());
  const roots = [...files.keys()].filter((path) => !wanted.has(path) && !isBesideOne(path, wanted));
  const used = reached(dependenciesOf(files), roots);
  return new Map([...files].filter(([path]) => used.has(path) || !gone.has(path) || !SOURCES.test(path)));
}

/** Every module that is reached from others, with the specs beside them. */
function reached(dependencies: ReadonlyMap<string, readonly string[]>, from: readonly string[]): ReadonlySet<string> {
  const found = new Set<string>();
  const queue = [...from];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (!found.has(path)) {
      found.add(path);
      queue.push(...(dependencies.get(path) ?? []), ...specsBeside(path).filter((spec) => dependencies.has(spec)));
    }
  }
  return found;
}

const isBesideOne = (path: string, modules: ReadonlySet<string>): boolean =>
  isSpec(path) && modules.has(path.replace(SPEC, '.ts'));

/** Modules that each module imports, or starts by a name that is the only one of its kind. A module does not need what its spec alone does. */
function dependenciesOf(files: Files): ReadonlyMap<string, readonly string[]> {
  const { imports } = new Modules(files);
  const named = Map.groupBy(
    [...imports.keys()].filter((path) => !isSpec(path)),
    (path) => posix.basename(path),
  );
  return new Map(
    [...imports].map(([path, imported]) => {
      const started = [...(files.get(path) ?? '').matchAll(/(?<name>[\w.-]+\.m?[jt]s)['"`]/g)]
        .map(({ groups }) => named.get(groups?.['name'] ?? '') ?? [])
        .flatMap((found) => (found.length === 1 ? found : []));
      return [path, [...imported, ...started].filter((file) => file !== path && !specsBeside(file).includes(path))];
    }),
  );
}
