import { z } from 'zod';
import { readLedger } from './ledger';

/** What Jest's `--json` says of each test. */
export const SpecResults = z.array(
  z.object({
    /** Absolute path of the spec. */
    name: z.string(),
    assertionResults: z.array(z.object({ title: z.string(), ancestorTitles: z.array(z.string()), status: z.string() })),
  }),
);
export type SpecResults = z.infer<typeof SpecResults>;

/**
 * The practices whose row names a test that was skipped in this run, one line each: on this machine nothing proves them. A test that did not
 * run at all (another path was asked for) is not counted.
 */
export function unprovenPractices(ledger: string, results: SpecResults): readonly string[] {
  const rows = readLedger(ledger).flatMap((chapter) => chapter.rows);
  return rows.flatMap(({ id, state, proof }) => {
    if (state !== 'done') {
      return [];
    }
    const skipped = proof.flatMap(({ path, titles }) =>
      titles.filter((title) => isSkipped(path, title, results)).map((title) => `${path} "${title}"`),
    );
    return skipped.length === 0 ? [] : [`${id}: skipped here: ${skipped.join(', ')}`];
  });
}

/** Whether no test of this title ran, though the spec did. */
function isSkipped(path: string, title: string, results: SpecResults): boolean {
  const pattern = patternOf(title);
  const named = results
    .filter(({ name }) => name.endsWith(`/${path}`))
    .flatMap(({ assertionResults }) => assertionResults)
    .filter((test) => [test.title, ...test.ancestorTitles].some((one) => pattern.test(one)));
  return named.length > 0 && named.every(({ status }) => status !== 'passed' && status !== 'failed');
}

/** `$name` and `%s` in the title of an `each` stand for what each case puts there. */
function patternOf(title: string): RegExp {
  const parts = title.split(/\$[\w.]+|%[a-zA-Z]/).map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's');
}
