import { z } from 'zod';
import { OrderPage } from '@rookery/contracts';
import { ApiClient } from '@rookery/devkit/client/api-client';
import { buildApps } from '@rookery/devkit/stack/build';
import { IsolatedStack } from '@rookery/devkit/stack/isolated-stack';
import { withDatabase } from '@rookery/devkit/stack/rows';
import type { Progress } from '@rookery/devkit/terminal/progress';
import { circumstances, median, type Report } from './report';
import { type Asking, type Case, CASES } from './scale-cases';
import { fill, type Size } from './scale-fill';
import { type CaseResult, type Figures, scaleReport } from './scale-report';

export interface ScaleBenchOptions {
  readonly small: Size;
  readonly large: Size;
  readonly rounds: number;
  /** Requests of each kind in a round, one after the other. */
  readonly requests: number;
}

const USUAL: ScaleBenchOptions = {
  small: { orders: 1_000, products: 1_000 },
  large: { orders: 1_000_000, products: 100_000 },
  rounds: 5,
  requests: 40,
};

/** Every list and filter, at a thousand and at a million orders. */
export const scaleBench = {
  name: 'scale',
  what: 'every list, filter and search at 1,000,000 orders and 100,000 products, beside 1,000',
  run: (progress: Progress): Promise<Report> => measureScale(progress, USUAL),
};

/** @throws {Error} when an answer is wrong */
export async function measureScale(progress: Progress, options: ScaleBenchOptions): Promise<Report> {
  await progress.step('build', () => buildApps());
  const at = circumstances();
  const systems: FilledSystem[] = [];
  try {
    for (const size of [options.small, options.large]) {
      systems.push(await FilledSystem.start(size, progress));
    }
    const [small, large] = systems;
    if (small === undefined || large === undefined) {
      throw new Error('two systems were to be measured');
    }
    const results: CaseResult[] = [];
    for (const one of CASES) {
      results.push(
        await progress.step(one.name, async () => ({ name: one.name, ...(await compare(small, large, one, options)) })),
      );
    }
    return scaleReport({ ...at, ...options, results });
  } finally {
    await progress.step('stopped', () => Promise.all(systems.map((system) => system.stop())));
  }
}

/** By turns, so that a busy moment of the machine meets both. */
async function compare(
  small: FilledSystem,
  large: FilledSystem,
  one: Case,
  { rounds, requests }: ScaleBenchOptions,
): Promise<Pick<CaseResult, 'small' | 'large'>> {
  const measured = { small: new Array<Figures>(), large: new Array<Figures>() };
  // The first round only warms up.
  for (let round = 0; round <= rounds; round += 1) {
    const first = round * requests;
    const figures = {
      small: await small.measure(one, first, requests),
      large: await large.measure(one, first, requests),
    };
    if (round > 0) {
      measured.small.push(figures.small);
      measured.large.push(figures.large);
    }
  }
  return { small: middle(measured.small), large: middle(measured.large) };
}

const middle = (rounds: readonly Figures[]): Figures => ({
  latencyMs: median(rounds.map(({ latencyMs }) => latencyMs)),
  databaseMs: median(rounds.map(({ databaseMs }) => databaseMs)),
  slowestStatementMs: Math.max(...rounds.map(({ slowestStatementMs }) => slowestStatementMs)),
});

/** A whole system with so many orders and products. */
class FilledSystem {
  private constructor(
    private readonly stack: IsolatedStack,
    private readonly asking: Asking,
  ) {}

  static async start(size: Size, progress: Progress): Promise<FilledSystem> {
    const stack = await IsolatedStack.start({
      progress,
      databaseSettings: () => ({
        shared_preload_libraries: 'pg_stat_statements',
        'pg_stat_statements.track_planning': 'on',
      }),
    });
    try {
      const customer = await ApiClient.signIn(stack, 'alice');
      const { subject } = await customer.get(z.object({ subject: z.string() }), '/v1/me');
      await fill(stack, size, subject, progress);
      for (const service of ['products', 'orders', 'payments'] as const) {
        await withDatabase(databaseOf(stack, service), (client) => client.query('CREATE EXTENSION pg_stat_statements'));
      }
      // Tokens end after some minutes: these are for the measurements.
      const [again, operator] = [await ApiClient.signIn(stack, 'alice'), await ApiClient.signIn(stack, 'olga')];
      const { items } = await again.get(OrderPage, '/v1/orders?limit=100&status=Confirmed');
      return new FilledSystem(stack, { customer: again, operator, orders: items.map(({ id }) => id) });
    } catch (error) {
      await stack.stop();
      throw error;
    }
  }

  async measure(one: Case, first: number, requests: number): Promise<Figures> {
    return withDatabase(databaseOf(this.stack, one.service), async (client) => {
      await client.query('SELECT pg_stat_statements_reset()');
      const latencies: number[] = [];
      for (let number = first; number < first + requests; number += 1) {
        const startedAt = performance.now();
        await one.ask(this.asking, number);
        latencies.push(performance.now() - startedAt);
      }
      const { rows } = await client.query<{ total: number; slowest: number }>(
        `SELECT coalesce(sum(total_exec_time + total_plan_time), 0)::float8 AS total, coalesce(max(max_exec_time), 0)::float8 AS slowest
         FROM pg_stat_statements JOIN pg_roles ON pg_roles.oid = userid
         WHERE rolname = current_database() AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND query ~ $1 AND query !~ 'SKIP LOCKED'`,
        [TABLES[one.service]],
      );
      return {
        latencyMs: median(latencies),
        databaseMs: (rows[0]?.total ?? 0) / requests,
        slowestStatementMs: rows[0]?.slowest ?? 0,
      };
    });
  }

  stop(): Promise<void> {
    return this.stack.stop();
  }
}

/** What the statements of the requests contain, and those of the service’s own schedule do not. */
const TABLES = { products: 'products p', orders: '"(root|Order|TimelineRow)"', payments: '"root"' } as const;

/** As superuser. */
function databaseOf(stack: IsolatedStack, service: Case['service']): string {
  const url = new URL(stack.superuserUrl(service));
  url.pathname = new URL(stack.databaseUrl(service)).pathname;
  return url.href;
}
