import { faultsOfProof, pathsIn, proofsIn, wrongCount, type LinkedFiles } from './ledger';

/** What a page says about requirements of others: which, how they are met, by which tests. */
export interface RequirementsSubject extends LinkedFiles {
  /** Every requirement there must be a row for. */
  readonly ids: readonly string[];
}

interface Row {
  readonly id: string;
  readonly state: string;
  readonly proof: string;
}

const ROW = /^\| (?<id>V\d+\.\d+\.\d+|API\d+:\d{4}) +\|(?<cells>.*)\|$/gm;
const STATE = /^(?:met|partly: \S.*|not done: \S.*|not applicable: \S.*)$/;

function rowsOf(text: string): readonly Row[] {
  return [...text.matchAll(ROW)].map(({ groups }) => {
    const [, state = '', proof = ''] = (groups?.['cells'] ?? '').split('|').map((cell) => cell.trim());
    return { id: groups?.['id'] ?? '', state, proof };
  });
}

/** Everything that is wrong with the page's tables, one line each; empty when nothing is. */
export function faultsOfRequirements(text: string, subject: RequirementsSubject): readonly string[] {
  const rows = rowsOf(text);
  const known = new Set(subject.ids);
  return [
    ...subject.ids.flatMap((id) => wrongCount(id, rows.filter((row) => row.id === id).length)),
    ...rows.filter(({ id }) => !known.has(id)).map(({ id }) => `${id}: no such requirement`),
    ...rows.flatMap((row) => faultsOfRow(row, subject).map((fault) => `${row.id}: ${fault}`)),
  ];
}

function faultsOfRow({ state, proof }: Row, subject: RequirementsSubject): readonly string[] {
  const proofs = proofsIn(proof, subject);
  const claims = /^(?:met|partly)/.test(state);
  return [
    ...(STATE.test(state) ? [] : [`the state "${state}" is none of met, partly: …, not done: …, not applicable: …`]),
    ...(claims && proofs.every(({ titles }) => titles.length === 0) ? ['claimed without a test'] : []),
    ...proofs.filter(({ titles }) => titles.length === 0).map(({ path }) => `${path} is named without a title`),
    ...pathsIn(proof, subject)
      .filter((path) => !subject.exists(path))
      .map((path) => `${path} does not exist`),
    ...proofs.filter(({ path }) => subject.exists(path)).flatMap((named) => faultsOfProof(named, subject)),
  ];
}
