import { posix } from 'node:path';

/** One row of docs/practices.md, its cells as Markdown. */
export interface LedgerRow {
  readonly id: string;
  readonly state: string;
  readonly where: string;
  readonly proof: string;
  readonly live: string;
}

/** A repository, as a page in one of its folders links to it. */
export interface LinkedFiles {
  /** Folder of the page, from the repository's root: its links start there. */
  readonly folder: string;
  exists(path: string): boolean;
  read(path: string): string;
}

/** What the ledger speaks of. */
export interface LedgerSubject extends LinkedFiles {
  /** Every id there must be a row for. */
  readonly ids: readonly string[];
  /** Names of the npm scripts. */
  readonly scripts: readonly string[];
}

/** A spec that a row names, with the titles quoted after it. */
export interface Proof {
  readonly path: string;
  readonly titles: readonly string[];
}

const ROW = /^\| (?<id>[A-Z][0-9]+[a-d]?) \|(?<cells>.*)\|$/gm;
const LINK = /\]\((?<target>[^)]+)\)/g;
const STATE = /^(?:done|partly: \S.*|open: \S.*)$/;
const TITLE = /\(\s*(?<quote>['"`])(?<title>(?:(?!\k<quote>).)+)\k<quote>,/g;
/** npm commands that need no script. */
const NPM_COMMANDS = ['ci', 'install'];

/** The rows of all tables. */
export function readLedger(text: string): readonly LedgerRow[] {
  return [...text.matchAll(ROW)].map(({ groups }) => {
    const cells = (groups?.['cells'] ?? '').split('|').map((cell) => cell.trim());
    const [, state = '', where = '', proof = '', live = ''] = cells;
    return { id: groups?.['id'] ?? '', state, where, proof, live };
  });
}

/** Everything that is wrong with the ledger, one line each; empty when nothing is. */
export function faultsOf(text: string, subject: LedgerSubject): readonly string[] {
  const rows = readLedger(text);
  const known = new Set(subject.ids);
  return [
    ...subject.ids.flatMap((id) => wrongCount(id, rows.filter((row) => row.id === id).length)),
    ...rows.filter(({ id }) => !known.has(id)).map(({ id }) => `${id}: no such practice`),
    ...rows.flatMap((row) => faultsOfRow(row, subject).map((fault) => `${row.id}: ${fault}`)),
  ];
}

/** Each id that has not exactly one row. */
export function wrongCount(id: string, count: number): readonly string[] {
  if (count === 1) return [];
  return [count === 0 ? `${id}: no row` : `${id}: ${count} rows`];
}

function faultsOfRow({ state, where, proof, live }: LedgerRow, subject: LedgerSubject): readonly string[] {
  const proofs = proofsIn(proof, subject);
  return [
    ...(STATE.test(state) ? [] : [`the state "${state}" is none of done, partly: …, open: …`]),
    ...(state === 'done' && pathsIn(where, subject).length === 0 ? ['done, but nowhere'] : []),
    ...(state === 'done' && proofs.every(({ titles }) => titles.length === 0) ? ['done, but without proof'] : []),
    ...pathsIn(`${where} ${proof}`, subject)
      .filter((path) => !subject.exists(path))
      .map((path) => `${path} does not exist`),
    ...proofs.filter(({ path }) => subject.exists(path)).flatMap((named) => faultsOfProof(named, subject)),
    ...scriptsIn(live)
      .filter((script) => !subject.scripts.includes(script))
      .map((script) => `there is no npm script "${script}"`),
  ];
}

/** The linked paths of the repository, from its root. */
export function pathsIn(cell: string, { folder }: Pick<LinkedFiles, 'folder'>): readonly string[] {
  return [...cell.matchAll(LINK)]
    .map(({ groups }) => groups?.['target'] ?? '')
    .filter((target) => !target.startsWith('https://'))
    .map((target) => posix.join(folder, target));
}

/** The specs that a cell links to, each with the titles quoted after it. */
export function proofsIn(cell: string, subject: Pick<LinkedFiles, 'folder'>): readonly Proof[] {
  // Each piece begins after the opening bracket of a link and reaches to the next link.
  return cell.split('[').flatMap((piece) => {
    const [path] = pathsIn(piece, subject);
    const titles = [...piece.matchAll(/"(?<title>[^"]+)"/g)].map(({ groups }) => groups?.['title'] ?? '');
    return path === undefined ? [] : [{ path, titles }];
  });
}

/** A proof that is no spec, or has no test of a title. */
export function faultsOfProof({ path, titles }: Proof, subject: LinkedFiles): readonly string[] {
  if (!/\.(int-)?spec\.ts$/.test(path)) return [`${path} is no spec`];
  const spec = subject.read(path);
  return titles.filter((title) => !hasTitle(spec, title)).map((title) => `${path} has no test "${title}"`);
}

/** A title is the first argument of describe, it, or of what their `each` returns. */
function hasTitle(spec: string, title: string): boolean {
  return [...spec.matchAll(TITLE)].some(({ groups }) => groups?.['title'] === title);
}

function scriptsIn(live: string): readonly string[] {
  return [...live.matchAll(/\bnpm (?:run )?(?:-s )?(?<script>[\w:-]+)/g)]
    .map(({ groups }) => groups?.['script'] ?? '')
    .filter((script) => !NPM_COMMANDS.includes(script));
}
