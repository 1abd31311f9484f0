import { parse, stringify } from 'yaml';
import { z } from 'zod';
import type { Dead } from './pages';

/** Keys in the order in which a ledger writes them. */
const Row = z.strictObject({
  id: z.string(),
  practice: z.string().optional(),
  requirement: z.string().optional(),
  state: z.string(),
  where: z.array(z.string()).optional(),
  proof: z.array(z.strictObject({ spec: z.string(), titles: z.array(z.string()).optional() })).optional(),
  live: z.string().optional(),
});
type Row = z.infer<typeof Row>;
const Chapter = z.strictObject({
  id: z.string().optional(),
  title: z.string(),
  text: z.string().optional(),
  rows: z.array(Row),
});
const Ledger = z.strictObject({ chapters: z.array(Chapter) });

/** What a ledger is mended by. */
export interface LedgerOptions {
  readonly dead: Dead;
  /** Whether a spec still has a test of this title. */
  readonly hasTitle: (spec: string, title: string) => boolean;
  /** A state that says what is missing: `partly` and `open`, or `partly` and `not done`. */
  readonly none: 'open' | 'not done';
  /** Markdown whose links lead nowhere, without them. */
  readonly unlinked: (markdown: string) => string;
}

/** The ledger with what is left of its rows. A row that lost a proof no longer claims that it is done. */
export function mendLedger(yaml: string, options: LedgerOptions): string {
  const { chapters } = Ledger.parse(parse(yaml));
  const mended = chapters.map((chapter) => ({ ...chapter, rows: chapter.rows.map((row) => mendRow(row, options)) }));
  return stringify({ chapters: mended }, { lineWidth: 0 });
}

function mendRow(row: Row, options: LedgerOptions): Row {
  const { dead, hasTitle, none, unlinked } = options;
  const where = row.where?.filter((path) => !dead.path(path));
  const proof = row.proof
    ?.filter(({ spec }) => !dead.path(spec))
    .map(({ spec, titles }) => ({
      spec,
      ...(titles === undefined ? {} : { titles: titles.filter((title) => hasTitle(spec, title)) }),
    }))
    .filter(({ titles }) => titles?.length !== 0);
  const texts = Object.entries(row).map(([key, value]) => [key, typeof value === 'string' ? unlinked(value) : value]);
  const mended = {
    ...Row.parse(Object.fromEntries(texts)),
    ...(where === undefined ? {} : { where }),
    ...(proof === undefined ? {} : { proof }),
    ...(row.live !== undefined && dead.subject(row.live) ? { live: undefined } : {}),
  };
  return withKeysThatAreSet({ ...mended, state: stateOf(row, mended, none) });
}

/** A claim needs a place and a named test; one that lost some of its tests is a part of itself. */
function stateOf(before: Row, after: Row, none: string): string {
  if (!/^(?:done|met|partly)/.test(before.state)) {
    return after.state;
  }
  const titles = ({ proof = [] }: Row): number => proof.flatMap((one) => one.titles ?? []).length;
  const lostAll =
    (titles(before) > 0 && titles(after) === 0) || ((before.where?.length ?? 0) > 0 && after.where?.length === 0);
  if (lostAll) {
    return `${none}: what did it was ejected from this workspace`;
  }
  const lost = titles(after) < titles(before) && !before.state.startsWith('partly');
  return lost ? 'partly: a part that it names was ejected from this workspace' : after.state;
}

const withKeysThatAreSet = (row: Row): Row =>
  Row.parse(Object.fromEntries(Object.entries(row).filter(([, value]) => isSet(value))));

const isSet = (value: unknown): boolean => value !== undefined && !(Array.isArray(value) && value.length === 0);
