import { parse } from 'yaml';
import { z } from 'zod';
import { Proofs } from './ledger';
import { faultsOfIds, faultsOfProof, type RepositoryFiles } from './proofs';

const Requirement = z.strictObject({
  id: z.string(),
  requirement: z.string(),
  /** `met`, `partly: …`, `not done: …` or `not applicable: …`. */
  state: z.string(),
  proof: Proofs,
});
export type Requirement = z.infer<typeof Requirement>;

const RequirementChapter = z.strictObject({ title: z.string(), rows: z.array(Requirement) });
export type RequirementChapter = z.infer<typeof RequirementChapter>;

/** What the requirements are compared with. */
export interface RequirementsSubject extends RepositoryFiles {
  /** Every requirement there must be a row for. */
  readonly ids: readonly string[];
}

const STATE = /^(?:met|partly: \S.*|not done: \S.*|not applicable: \S.*)$/;

/** The chapters of docs/ledgers/security.yaml. */
export function readRequirements(yaml: string): readonly RequirementChapter[] {
  return z.strictObject({ chapters: z.array(RequirementChapter) }).parse(parse(yaml)).chapters;
}

/** Everything that is wrong with the rows, one line each; empty when nothing is. */
export function faultsOfRequirements(yaml: string, subject: RequirementsSubject): readonly string[] {
  const rows = readRequirements(yaml).flatMap((chapter) => chapter.rows);
  const ids = rows.map(({ id }) => id);
  return [
    ...faultsOfIds(subject.ids, ids, 'requirement'),
    ...rows.flatMap((row) => faultsOfRow(row, subject).map((fault) => `${row.id}: ${fault}`)),
  ];
}

function faultsOfRow({ state, proof }: Requirement, subject: RequirementsSubject): readonly string[] {
  const claims = /^(?:met|partly)/.test(state);
  return [
    ...(STATE.test(state) ? [] : [`the state "${state}" is none of met, partly: …, not done: …, not applicable: …`]),
    ...(claims && proof.every(({ titles }) => titles.length === 0) ? ['claimed without a test'] : []),
    ...proof.filter(({ titles }) => titles.length === 0).map(({ path }) => `${path} is named without a title`),
    ...proof.flatMap((named) => faultsOfProof(named, subject)),
  ];
}
