import { parse } from 'yaml';
import { z } from 'zod';
import { faultsOfIds, faultsOfProof, type RepositoryFiles } from './proofs';

/** The specs that prove a row. */
export const Proofs = z
  .array(
    z
      .strictObject({ spec: z.string(), titles: z.array(z.string()).default([]) })
      .transform(({ spec, titles }) => ({ path: spec, titles })),
  )
  .default([]);

const Practice = z.strictObject({
  id: z.string(),
  /** Markdown. */
  practice: z.string(),
  /** `done`, `partly: …` or `open: …`. */
  state: z.string(),
  /** Files and folders, from the repository's root. */
  where: z.array(z.string()).default([]),
  proof: Proofs,
  /** Markdown: how to see the practice live. */
  live: z.string().default(''),
});
export type Practice = z.infer<typeof Practice>;

const PracticeChapter = z.strictObject({
  id: z.string(),
  title: z.string(),
  /** Markdown above the table. */
  text: z.string().default(''),
  rows: z.array(Practice),
});
export type PracticeChapter = z.infer<typeof PracticeChapter>;

/** What the practice index is compared with. */
export interface LedgerSubject extends RepositoryFiles {
  /** Every id there must be a row for. */
  readonly ids: readonly string[];
  /** Names of the npm scripts. */
  readonly scripts: readonly string[];
}

const STATE = /^(?:done|partly: \S.*|open: \S.*)$/;
/** npm commands that need no script. */
const NPM_COMMANDS = ['ci', 'install'];

/** The chapters of docs/ledgers/practices.yaml. */
export function readLedger(yaml: string): readonly PracticeChapter[] {
  return z.strictObject({ chapters: z.array(PracticeChapter) }).parse(parse(yaml)).chapters;
}

/** Everything that is wrong with the practice index, one line each; empty when nothing is. */
export function faultsOf(yaml: string, subject: LedgerSubject): readonly string[] {
  const rows = readLedger(yaml).flatMap((chapter) => chapter.rows);
  const ids = rows.map(({ id }) => id);
  return [
    ...faultsOfIds(subject.ids, ids, 'practice'),
    ...rows.flatMap((row) => faultsOfRow(row, subject).map((fault) => `${row.id}: ${fault}`)),
  ];
}

function faultsOfRow({ state, where, proof, live }: Practice, subject: LedgerSubject): readonly string[] {
  return [
    ...(STATE.test(state) ? [] : [`the state "${state}" is none of done, partly: …, open: …`]),
    ...(state === 'done' && where.length === 0 ? ['done, but nowhere'] : []),
    ...(state === 'done' && proof.every(({ titles }) => titles.length === 0) ? ['done, but without proof'] : []),
    ...where.filter((path) => !subject.exists(path)).map((path) => `${path} does not exist`),
    ...proof.flatMap((named) => faultsOfProof(named, subject)),
    ...scriptsIn(live)
      .filter((script) => !subject.scripts.includes(script))
      .map((script) => `there is no npm script "${script}"`),
  ];
}

function scriptsIn(live: string): readonly string[] {
  return [...live.matchAll(/\bnpm (?:run )?(?:-s )?(?<script>[\w:-]+)/g)]
    .map(({ groups }) => groups?.['script'] ?? '')
    .filter((script) => !NPM_COMMANDS.includes(script));
}
