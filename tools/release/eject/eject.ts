import { matchesGlob, posix } from 'node:path';
import { mendLedger } from './ledgers';
import { matches, mendJson, mendList, mendManifest, packagesIn, programOf } from './manifests';
import {
  isCode,
  isSpec,
  Modules,
  SPEC,
  specifiersOf,
  specsBeside,
  withoutElements,
  withoutUnusedImports,
} from './modules';
import { type Dead, mendPage } from './pages';
import type { Files, Move, Part } from './part';
import { withoutRegions } from './regions';

/** What becomes of a workspace: its files from then on, and those that only moved. */
export interface Outcome {
  readonly files: Files;
  readonly moves: readonly Move[];
}

/** Documents that record what was decided, measured and released. */
const RECORDS = /^docs\/(?:decisions|results)\/|^CHANGELOG\.md$/;
/** Pages that `npm run generate` writes. */
const GENERATED = /^docs\/(?:practices|security)\/|^docs\/practices\.md$/;
/** What is not here is configuration, which no module imports. */
const SOURCES = /^(?:apps|libs|tools)\//;
/** What is here names every part, also the ones that are gone. */
const OWN = 'tools/release/eject/';
const LISTS = ['.github/CODEOWNERS', '.gitignore'];
const LEDGERS = { 'docs/ledgers/practices.yaml': 'open', 'docs/ledgers/security.yaml': 'not done' } as const;

/** Whether a path is one of the part’s own. */
export const isOf = ({ paths, except = [] }: Part, path: string): boolean =>
  covers(paths, path) && !covers(except, path);

const covers = (patterns: readonly string[], path: string): boolean =>
  patterns.some((pattern) => path === pattern || path.startsWith(`${pattern}/`) || matchesGlob(path, pattern));

/** Whether nothing of the part is there. */
export const isEjected = (part: Part, files: Files): boolean => ![...files.keys()].some((path) => isOf(part, path));

/** The workspace without the parts, in memory. `all` are all parts that there are, also those that went earlier. */
export function eject(files: Files, parts: readonly Part[], all: readonly Part[]): Outcome {
  const moves = movesOf(files, parts);
  const moved = new Map([...files].map(([path, text]) => [moves.get(path) ?? path, text] as const));
  const gone = new Set(all.filter((part) => parts.includes(part) || isEjected(part, files)).map(({ name }) => name));
  const edited = withoutMarkedLines(moved, parts, (name) => gone.has(name));
  const mentions = parts.flatMap((part) => part.moves ?? []);
  const kept = withoutOrphans(moved, edited);
  const renamed = new Map(
    [...kept].map(([path, text]) => [path, path.startsWith(OWN) ? text : withMoves(text, mentions)] as const),
  );
  return {
    files: mended(files, renamed, parts),
    moves: [...moves].filter(([, to]) => kept.has(to)).map(([from, to]) => ({ from, to })),
  };
}

function movesOf(files: Files, parts: readonly Part[]): ReadonlyMap<string, string> {
  const moves = parts.flatMap((part) => part.moves ?? []);
  return new Map(
    [...files.keys()].flatMap((path) => {
      const move = moves.find(
        ({ from, only }) => covers([from], path) && (only === undefined || matchesGlob(posix.basename(path), only)),
      );
      return move === undefined ? [] : [[path, move.to + path.slice(move.from.length)] as const];
    }),
  );
}

const withMoves = (text: string, moves: readonly Move[]): string =>
  moves.reduce((result, { from, to }) => (result.includes(from) ? result.replaceAll(from, to) : result), text);

/** Without the files of the parts, the lines that are marked as theirs, and the entries that load their files. */
function withoutMarkedLines(files: Files, parts: readonly Part[], isGone: (part: string) => boolean): Files {
  const kept = new Map(
    [...files]
      .filter(([path]) => !parts.some((part) => isOf(part, path)))
      .map(([path, text]) => [path, withoutRegions(text, isGone)] as const),
  );
  const before = new Modules(files);
  for (const [path, text] of kept) {
    if (isCode(path) && text.includes('import(')) {
      const loads = (specifier: string): boolean => {
        const file = before.fileOf(specifier, path);
        return file !== undefined && !kept.has(file);
      };
      if (specifiersOf(text).some(loads)) {
        kept.set(path, withoutElements(path, text, loads));
      }
    }
  }
  return kept;
}

/** Without modules that only what is gone imported, directly or not; a spec goes with the module beside it. */
function withoutOrphans(before: Files, after: Files): Files {
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

/** What speaks of files that are gone, without that. */
function mended(before: Files, after: Files, parts: readonly Part[]): Files {
  const files = new Map(after);
  const manifest = files.get('package.json') ?? '';
  const unused = unusedPackages(before, files, manifest);
  const isGone = goneFrom(before, files);
  for (const path of ['package.json', 'package-lock.json']) {
    files.set(path, mendManifest(path, files.get(path) ?? '', parts, unused));
  }
  for (const [path, text] of files) {
    if (LISTS.includes(path)) {
      files.set(path, mendList(text, isGone));
    } else if (path.endsWith('.json') && !path.startsWith('package')) {
      files.set(path, mendJson(path, text, parts, before, after));
    }
  }
  const dead = deadOf(before, files, isGone, parts);
  const ledgers = new Map(Object.entries(LEDGERS));
  for (const [path, text] of files) {
    const none = ledgers.get(path);
    if (none !== undefined) {
      files.set(
        path,
        mendLedger(text, {
          dead,
          none,
          hasTitle: (spec, title) => files.get(spec)?.includes(title) ?? false,
          unlinked: (markdown) => mendPage(markdown, { path: '', dead, record: true }),
        }),
      );
    } else if (path.endsWith('.md') && !GENERATED.test(path)) {
      files.set(path, mendPage(text, { path, dead, record: RECORDS.test(path) }));
    }
  }
  return files;
}

/** Packages that a module imported and none does now, and the types of those. */
function unusedPackages(before: Files, after: Files, manifest: string): readonly string[] {
  const [imported, left] = [new Modules(before).packages, new Modules(after).packages];
  const unused = packagesIn(manifest).filter((name) => imported.has(name) && !left.has(name));
  return [...unused, ...unused.map((name) => `@types/${name}`)];
}

/** Whether a file or a folder was there and is not any more. */
function goneFrom(before: Files, after: Files): (path: string) => boolean {
  const foldersOf = (files: Files): ReadonlySet<string> =>
    new Set(
      [...files.keys()].flatMap((path) =>
        path.split('/').map((_, depth, parts) => parts.slice(0, depth + 1).join('/')),
      ),
    );
  const [were, are] = [foldersOf(before), foldersOf(after)];
  return (path) => {
    const plain = path.replace(/\/$/, '');
    const folder = [...plain.split('/').keys()].map((depth) =>
      plain
        .split('/')
        .slice(0, depth + 1)
        .join('/'),
    );
    return folder.some((part) => were.has(part) && !are.has(part));
  };
}

function deadOf(before: Files, after: Files, isGone: (path: string) => boolean, parts: readonly Part[]): Dead {
  const scripts = programOf(before.get('package.json') ?? '').scripts;
  const { name: program, scripts: left } = programOf(after.get('package.json') ?? '');
  const commands = namesOfCommands(before).filter((name) => !namesOfCommands(after).includes(name));
  const npm = scripts
    .filter((script) => !left.includes(script))
    .map((script) => `npm run (?:-s |--silent )?(?=${script})`);
  const own = commands.map((command) => `(?:npx |npm run (?:-s |--silent )?)?${program} (?:-- )?(?=${command})`);
  const calls = [...npm, ...own].join('|');
  const terms = parts.flatMap((part) => part.terms ?? []).map((term) => `${term}(?!\\w)`);
  const about = [...terms, calls].filter((pattern) => pattern !== '').join('|');
  const subject = about === '' ? undefined : new RegExp(`(?<![\\w.-])(?:${about})`, 'i');
  const headings = (text: string): ReadonlySet<string> =>
    new Set(
      [...text.matchAll(/^#{1,6} (.*)$/gm)].map(([, title = '']) =>
        title
          .toLowerCase()
          .replace(/[^\p{L}\p{N}\s_-]/gu, '')
          .replaceAll(' ', '-'),
      ),
    );
  return {
    path: isGone,
    anchor: (path, anchor) =>
      headings(before.get(path) ?? '').has(anchor) && !headings(after.get(path) ?? '').has(anchor),
    subject: (text) => subject?.test(text) ?? false,
    uncalled: (text) => (calls === '' ? text : text.replace(new RegExp(`(?<![\\w.-])(?:${calls})`, 'g'), '')),
  };
}

const namesOfCommands = (files: Files): readonly string[] =>
  [...(files.get('tools/cli/registry.ts') ?? '').matchAll(/^ {4,}name: '(?<name>[^']+)'/gm)].map(
    ({ groups }) => groups?.['name'] ?? '',
  );

/** What a part names and the workspace does not have, one line each: the part is no longer true. */
export function faultsOfPart(part: Part, files: Files): readonly string[] {
  const paths = [...files.keys()];
  const manifest = files.get('package.json') ?? '';
  return [
    ...[...part.paths, ...(part.except ?? [])].filter((pattern) => !paths.some((path) => covers([pattern], path))),
    ...(part.moves ?? []).map(({ from }) => from).filter((from) => !paths.some((path) => covers([from], path))),
    ...(part.scripts ?? []).filter((script) => !programOf(manifest).scripts.includes(script)),
    ...(part.packages ?? []).filter((pattern) => !packagesIn(manifest).some((name) => matches(pattern, name))),
    ...(part.elements ?? [])
      .filter(({ file, containing }) => !(files.get(file) ?? '').includes(containing))
      .map(({ file, containing }) => `"${containing}" in ${file}`),
  ].map((what) => `${part.name}: ${what} is not there`);
}

/** Imports of modules that are not there, one line each. */
export function danglingImports(files: Files): readonly string[] {
  const modules = new Modules(files);
  return [...files]
    .filter(([path]) => isCode(path))
    .flatMap(([path, text]) =>
      specifiersOf(text)
        .filter(
          (specifier) => modules.pathOf(specifier, path) !== undefined && modules.fileOf(specifier, path) === undefined,
        )
        .map((specifier) => `${path} imports ${specifier}, which is not there`),
    );
}
