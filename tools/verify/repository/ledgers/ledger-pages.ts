import { posix } from 'node:path';
import { readLedger, type Practice, type PracticeChapter } from './ledger';
import type { Proof } from './proofs';
import { readRequirements, type Requirement, type RequirementChapter } from './requirements';

/** A page of docs/ that is made from a ledger. */
export interface LedgerPage {
  readonly path: string;
  readonly text: string;
}

const PRACTICES = 'docs/practices';
const SECURITY = 'docs/security';
const COUNTED = ['done', 'partly', 'open'];

/** One page per chapter of docs/ledgers/practices.yaml, and the index of the chapters. */
export function practicePages(yaml: string): readonly LedgerPage[] {
  const chapters = readLedger(yaml);
  return [
    { path: `${PRACTICES}.md`, text: practiceIndex(chapters) },
    ...chapters.map((chapter) => ({ path: practicePath(chapter), text: practicePage(chapter) })),
  ];
}

/** One page per chapter of docs/ledgers/security.yaml. */
export function requirementPages(yaml: string): readonly LedgerPage[] {
  return readRequirements(yaml).map((chapter) => ({
    path: `${SECURITY}/${slug(chapter.title)}.md`,
    text: requirementPage(chapter),
  }));
}

function practiceIndex(chapters: readonly PracticeChapter[]): string {
  const rows = chapters.map((chapter) => {
    const counts = COUNTED.map((state) => chapter.rows.filter((row) => row.state.startsWith(state)).length);
    const link = `[${chapter.id}. ${chapter.title}](${posix.relative('docs', practicePath(chapter))})`;
    return `| ${[link, ...counts].join(' | ')} |`;
  });
  return page([madeFrom('practices'), '# Practice index', INTRODUCTION, table(['chapter', ...COUNTED], rows)]);
}

const INTRODUCTION = [
  'Rookery implements an introduction to microservices, “the guide”. The guide itself is not in this repository. Each of its practices is a row here:',
  'the place in the code, the spec that proves it, and the command that shows it.',
  '',
  '- `done`: the code exists and a spec proves it.',
  '- `partly: …`: names what is missing.',
  '- `open: …`: nothing exists yet; names what will bring it.',
  '',
  'The rows, with the titles of the tests, are in [ledgers/practices.yaml](ledgers/practices.yaml). A page shows how many tests of a spec prove a row, if more',
  'than one. [A spec](../tools/verify/repository/ledgers/practices.spec.ts) fails when a row is missing, when a path or a named test does not exist, and when a',
  'row is `done` without a place or a proof.',
  '',
  'Commands run beside a running `npm start`, except `npm test` and `npm start` themselves. `npm test -- <part of a path>` runs all checks and the specs of',
  'that path.',
].join('\n');

function practicePage(chapter: PracticeChapter): string {
  const rows = chapter.rows.map((row) => practiceRow(row));
  return page([
    madeFrom('practices'),
    `# ${chapter.id}. ${chapter.title}`,
    `[All chapters](../practices.md). [The titles of the tests](../ledgers/practices.yaml).${chapter.text === '' ? '' : `\n\n${chapter.text}`}`,
    table(['practice', 'state', 'where, and how to see it', 'proof'], rows),
  ]);
}

function practiceRow({ id, practice, state, where, proof, live }: Practice): string {
  const places = [...where.map((path) => link(path, PRACTICES)), ...(live === '' ? [] : [relink(live, PRACTICES)])];
  return `| ${[`**${id}** ${relink(practice, PRACTICES)}`, state, lines(places), proofs(proof, PRACTICES)].join(' | ')} |`;
}

function requirementPage({ title, rows }: RequirementChapter): string {
  return page([
    madeFrom('security'),
    `# ${title}`,
    '[The threat model and the limits](../security.md). [The titles of the tests](../ledgers/security.yaml).',
    table(
      ['requirement', 'state', 'proof'],
      rows.map((row) => requirementRow(row)),
    ),
  ]);
}

function requirementRow({ id, requirement, state, proof }: Requirement): string {
  return `| **${id}** ${requirement} | ${state} | ${proofs(proof, SECURITY)} |`;
}

const practicePath = ({ id, title }: PracticeChapter): string => `${PRACTICES}/${slug(`${id} ${title}`)}.md`;
const slug = (title: string): string =>
  title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
const madeFrom = (ledger: string): string =>
  `<!-- Made by npm run generate from docs/ledgers/${ledger}.yaml. Change that file. -->`;
const page = (blocks: readonly string[]): string => `${blocks.join('\n\n')}\n`;
const lines = (cells: readonly string[]): string => (cells.length === 0 ? '–' : cells.join('<br>'));

/** Prettier would pad each column to its longest cell. */
function table(heads: readonly string[], rows: readonly string[]): string {
  const head = [`| ${heads.join(' | ')} |`, `|${' --- |'.repeat(heads.length)}`];
  return ['<!-- prettier-ignore-start -->', '', ...head, ...rows, '', '<!-- prettier-ignore-end -->'].join('\n');
}

/** The specs; the titles of their tests are in the ledger. */
function proofs(proof: readonly Proof[], folder: string): string {
  return lines(
    proof.map(({ path, titles }) => `${link(path, folder)}${titles.length > 1 ? ` (${titles.length})` : ''}`),
  );
}

/** A file is shown by its name, a folder by its path. */
function link(path: string, folder: string): string {
  const name = posix.basename(path);
  return `[${name.includes('.') ? name : path}](${posix.relative(folder, path)})`;
}

/** Links from the repository's root, as links of a page in `folder`. */
function relink(markdown: string, folder: string): string {
  return markdown.replace(
    /\]\((?<target>(?!https?:)[^)]+)\)/g,
    (_, target: string) => `](${posix.relative(folder, target)})`,
  );
}
