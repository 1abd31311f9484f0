import type { Report } from './report';
import type { Size } from './scale-fill';

/** Of one request. */
export interface Figures {
  /** At the client, through the gateway. */
  readonly latencyMs: number;
  /** Planning and execution of the request's statements. */
  readonly databaseMs: number;
  readonly slowestStatementMs: number;
}

/** One kind of request, at both sizes. */
export interface CaseResult {
  readonly name: string;
  readonly small: Figures;
  readonly large: Figures;
}

export interface ScaleResult {
  readonly at: string;
  readonly machine: string;
  readonly small: Size;
  readonly large: Size;
  readonly rounds: number;
  readonly requests: number;
  readonly results: readonly CaseResult[];
}

const sizeOf = ({ orders, products }: Size): string =>
  `${orders.toLocaleString('en-US')} orders and ${products.toLocaleString('en-US')} products`;

/** The result for people and for programs. The ratio is that of the rates: 1 says that the size does not matter. */
export function scaleReport(result: ScaleResult): Report {
  const { at, machine, small, large, rounds, requests, results } = result;
  const lines = results.map((one) =>
    [
      `| ${one.name}`,
      one.small.latencyMs.toFixed(2),
      one.large.latencyMs.toFixed(2),
      `${(one.small.latencyMs / one.large.latencyMs).toFixed(2)} ×`,
      one.small.databaseMs.toFixed(2),
      one.large.databaseMs.toFixed(2),
      `${one.large.slowestStatementMs.toFixed(1)} |`,
    ].join(' | '),
  );
  const markdown = [
    '# scale',
    '',
    `\`npm run bench -- scale\`, ${at}, ${machine}. Two whole systems, one with ${sizeOf(small)}, one with ${sizeOf(large)}. ` +
      `One client asks the gateway, one request after the other, by turns: ${rounds} rounds of ${requests} requests of each kind, no two alike. Medians, in ms.`,
    '',
    '| request | at the client, small | large | speed of large | in Postgres, small | large | slowest statement, large |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...lines,
    '',
    'Every answer had the status 200 and the items that were asked for.',
    '',
  ].join('\n');
  return { json: result, markdown };
}
