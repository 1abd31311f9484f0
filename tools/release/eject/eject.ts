import { matchesGlob, posix } from 'node:path';
import { deadOf, goneFrom } from './dead';
import { mendLedger } from './ledgers';
import { mendJson, mendList, mendManifest, packagesIn } from './manifests';
import { isCode, Modules, specifiersOf, withoutElements } from './modules';
import { withoutOrphans } from './orphans';
import { mendPage } from './pages';
import { covers, type Files, isEjected, type Move, type Part } from './part';
import { withoutRegions } from './regions';

/** What becomes of a workspace: its files from then on, and those that only moved. */
export interface Outcome {
  readonly files: Files;
  readonly moves: readonly Move[];
  /** Nothing but words was replaced. @default false */
  readonly onlyWords?: true;
}

/** Documents that record what was decided, measured and released. */
const RECORDS = /^docs\/(?:decisions|results)\/|^CHANGELOG\.md$/;
/** Pages that `npm run generate` writes. */
const GENERATED = /^docs\/(?:practices|security)\/|^docs\/practices\.md$/;
/** What is here names every part, also the ones that are gone. */
const OWN = 'tools/release/eject/';
const LISTS = ['.github/CODEOWNERS', '.gitignore'];
const LEDGERS = { 'docs/ledgers/practices.yaml': 'open', 'docs/ledgers/security.yaml': 'not done' } as const;

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
      .filter(([path]) => !parts.some(({ paths }) => covers(paths, path)))
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
