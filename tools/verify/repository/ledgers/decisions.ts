/** One file of docs/decisions. */
export interface DecisionFile {
  /** Its name in the folder, for example `0006-idempotency-in-orders.md`. */
  readonly name: string;
  readonly text: string;
}

interface Decision {
  readonly number: number;
  readonly date: string;
  readonly status: string;
}

const RECORD = /^# (?<number>\d+)\. \S.*\n\nDate: (?<date>\d{4}-\d{2}-\d{2})\nStatus: (?<status>\S.*)\n\n/;
const ROW = /^\| \[(?<number>\d+)\]\((?<file>[^)]+)\) +\| \S.*?\| (?<date>\S+) +\| (?<status>.*?) +\|$/gm;
/** The most words of a record, its tables left out; longer reasoning is in docs/design. */
const MOST_WORDS = 300;
const LINK = '\\[\\d+\\]\\([^)]+\\)';
const STATUS = new RegExp(`^(accepted|accepted, amended by ${LINK}(, ${LINK})*|superseded by ${LINK})$`);

/** Everything that is wrong with the records and their index, one line each; empty when nothing is. */
export function faultsOfDecisions(files: readonly DecisionFile[], index: string): readonly string[] {
  const rows = [...index.matchAll(ROW)].map(({ groups }) => ({
    number: Number(groups?.['number']),
    file: groups?.['file'] ?? '',
    date: groups?.['date'] ?? '',
    status: groups?.['status'] ?? '',
  }));
  const names = new Set(files.map(({ name }) => name));
  const inOrder = rows.every(({ number }, row) => number === row + 1);
  return [
    ...files.flatMap((file) => faultsOfRecord(file, rows, names).map((fault) => `${file.name}: ${fault}`)),
    ...rows.filter(({ file }) => !names.has(file)).map(({ file }) => `README.md: ${file} does not exist`),
    ...(inOrder ? [] : ['README.md: the rows are not numbered 1, 2, 3 …']),
  ];
}

function faultsOfRecord(
  { name, text }: DecisionFile,
  rows: readonly (Decision & { readonly file: string })[],
  names: ReadonlySet<string>,
): readonly string[] {
  const record = readDecision(text);
  if (record === undefined) {
    return ['does not begin with "# <number>. <title>", "Date: …" and "Status: …"'];
  }
  const { number, date, status } = record;
  const row = rows.find(({ file }) => file === name);
  const words = wordsOf(text);
  const later = [...status.matchAll(/\[(?<number>\d+)\]\((?<file>[^)]+)\)/g)].map(({ groups }) => ({
    number: Number(groups?.['number']),
    file: groups?.['file'] ?? '',
  }));
  return [
    ...(name.startsWith(`${String(number).padStart(4, '0')}-`) ? [] : [`its title says ${number}`]),
    ...(words > MOST_WORDS ? [`has ${words} words`] : []),
    ...(STATUS.test(status) ? [] : [`unknown status "${status}"`]),
    ...later.filter(({ file }) => !names.has(file)).map(({ file }) => `its status names ${file}, which does not exist`),
    ...later
      .filter((other) => other.number <= number || !other.file.startsWith(String(other.number).padStart(4, '0')))
      .map((other) => `its status names ${other.number}, which is not that later record`),
    ...(row === undefined ? ['is not listed in README.md'] : []),
    ...(row !== undefined && (row.number !== number || row.date !== date || row.status !== status)
      ? ['README.md gives another number, date or status']
      : []),
  ];
}

function wordsOf(text: string): number {
  return text.replace(/^\|.*$/gm, '').match(/\S*[A-Za-z0-9]\S*/g)?.length ?? 0;
}

function readDecision(text: string): Decision | undefined {
  const groups = RECORD.exec(text)?.groups;
  if (groups === undefined) {
    return undefined;
  }
  return { number: Number(groups['number']), date: groups['date'] ?? '', status: groups['status'] ?? '' };
}
