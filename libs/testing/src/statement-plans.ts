import { Client, escapeLiteral } from 'pg';
import { z } from 'zod';
import type { TestDatabase } from './test-database';

/** A statement as a service sent it. */
interface SentStatement {
  readonly text: string;
  readonly values: readonly unknown[];
  /** Whether it is prepared, so that Postgres may plan it without its values. */
  readonly prepared: boolean;
}

/** How Postgres executes a statement. */
export interface StatementPlan {
  readonly text: string;
  /** Tables that are read from beginning to end, with the values of the statement or, if it is prepared, without them. */
  readonly wholeTables: readonly string[];
  /** Rows that were read from tables, including those that a filter removed, by the worse plan; undefined for a write that cannot be repeated. */
  readonly rowsRead: number | undefined;
}

const PlanNode = z.looseObject({
  'Node Type': z.string(),
  'Relation Name': z.string().optional(),
  'Actual Rows': z.number().default(0),
  'Actual Loops': z.number().default(0),
  'Rows Removed by Filter': z.number().default(0),
  'Rows Removed by Index Recheck': z.number().default(0),
  Plans: z.array(z.unknown()).default([]),
});
type PlanNode = z.output<typeof PlanNode>;
const Explained = z.array(z.object({ 'QUERY PLAN': z.array(z.object({ Plan: z.unknown() })) }));

const IS_DATA = /^\s*(?:SELECT|WITH|INSERT|UPDATE|DELETE)\b/;

/**
 * Records the statements that services in this process send to Postgres, whatever sends them, and explains them on what a database then contains.
 *
 * @example
 * const statements = StatementRecorder.start();
 * // … the service works
 * statements.stop();
 * const plans = await statements.plansIn(database, ['orders']);
 */
export class StatementRecorder {
  private readonly sent = new Map<string, { readonly user: string; readonly statement: SentStatement }>();

  private constructor(private readonly undo: (recorder: StatementRecorder) => void) {}

  /** Records until `stop`. */
  static start(): StatementRecorder {
    const original: unknown = Reflect.get(Client.prototype, 'query');
    if (typeof original !== 'function') {
      throw new Error('node-postgres has no Client.query any more');
    }
    const recorder = new StatementRecorder(() => Reflect.set(Client.prototype, 'query', original));
    Reflect.set(Client.prototype, 'query', function (this: Client, ...args: readonly unknown[]): unknown {
      recorder.note(this.user ?? '', args);
      const answer: unknown = Reflect.apply(original, this, args);
      return answer;
    });
    return recorder;
  }

  stop(): void {
    this.undo(this);
  }

  /** The plans of the statements of the database's service that concern one of the tables: one per text, with the values that were sent last. */
  async plansIn(database: TestDatabase, tables: readonly string[]): Promise<readonly StatementPlan[]> {
    const { username } = new URL(database.url);
    const concerned = [...this.sent.values()].filter(
      ({ user, statement: { text } }) =>
        user === username && IS_DATA.test(text) && tables.some((table) => new RegExp(`\\b${table}\\b`).test(text)),
    );
    const client = new Client({ connectionString: database.adminUrl });
    await client.connect();
    try {
      // Without the functions of the spec's clock.
      await client.query('SET search_path = pg_catalog, public');
      const plans: StatementPlan[] = [];
      for (const { statement } of concerned) {
        plans.push(await planOf(client, statement, tables));
      }
      return plans;
    } finally {
      await client.end();
    }
  }

  private note(user: string, [first, second]: readonly unknown[]): void {
    const statement = z
      .object({ text: z.string(), values: z.array(z.unknown()).default([]), name: z.string().optional() })
      .safeParse(typeof first === 'string' ? { text: first, values: Array.isArray(second) ? second : [] } : first);
    if (statement.success) {
      const { name, ...sent } = statement.data;
      this.sent.set(`${user} ${sent.text}`, { user, statement: { ...sent, prepared: name !== undefined } });
    }
  }
}

async function planOf(client: Client, sent: SentStatement, tables: readonly string[]): Promise<StatementPlan> {
  const plans: unknown[] = [];
  const executed: unknown[] = [];
  for (const mode of sent.prepared ? ['force_custom_plan', 'force_generic_plan'] : ['force_custom_plan']) {
    // A row that was inserted cannot be inserted a second time.
    const plan = await explain(client, sent, `SET LOCAL plan_cache_mode = ${mode}`, 'ANALYZE, TIMING OFF').catch(
      () => undefined,
    );
    if (plan !== undefined) {
      executed.push(plan);
    }
    plans.push(plan ?? (await explain(client, sent, `SET LOCAL plan_cache_mode = ${mode}`, 'COSTS OFF')));
  }
  const wholeTables = plans
    .flatMap(nodesOf)
    .filter((node) => node['Node Type'].includes('Seq Scan'))
    .flatMap((node) => node['Relation Name'] ?? [])
    .filter((table) => tables.includes(table));
  const rowsRead = executed.map((plan) => nodesOf(plan).reduce((rows, node) => rows + rowsReadBy(node), 0));
  return {
    text: sent.text,
    wholeTables: [...new Set(wholeTables)],
    rowsRead: rowsRead.length === 0 ? undefined : Math.max(...rowsRead),
  };
}

/** Undoes what the statement does. */
async function explain(client: Client, { text, values }: SentStatement, setting: string, options: string) {
  await client.query('BEGIN');
  try {
    await client.query(setting);
    await client.query(`PREPARE explained AS ${text}`);
    const execute = values.length === 0 ? 'explained' : `explained (${values.map(literalOf).join(', ')})`;
    const { rows } = await client.query(`EXPLAIN (FORMAT JSON, ${options}) EXECUTE ${execute}`);
    return Explained.parse(rows)[0]?.['QUERY PLAN'][0]?.Plan;
  } finally {
    await client.query('ROLLBACK');
    await client.query('DEALLOCATE ALL');
  }
}

/** A value as node-postgres writes it, but as a literal: EXECUTE takes no parameters. */
function literalOf(value: unknown): string {
  if (value === null || value === undefined) {
    return 'NULL';
  }
  if (Array.isArray(value)) {
    return escapeLiteral(`{${value.map((item) => (item === null ? 'NULL' : JSON.stringify(textOf(item)))).join(',')}}`);
  }
  return escapeLiteral(textOf(value));
}

function textOf(value: unknown): string {
  if (value instanceof Date) {
    return value.toISOString();
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function nodesOf(plan: unknown): readonly PlanNode[] {
  const node = PlanNode.parse(plan);
  return [node, ...node.Plans.flatMap(nodesOf)];
}

function rowsReadBy(node: PlanNode): number {
  if (node['Relation Name'] === undefined || !node['Node Type'].endsWith('Scan')) {
    return 0;
  }
  const perLoop = node['Actual Rows'] + node['Rows Removed by Filter'] + node['Rows Removed by Index Recheck'];
  return Math.round(perLoop * node['Actual Loops']);
}
