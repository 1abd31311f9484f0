import { createHash } from 'node:crypto';
import { Client } from 'pg';
import { z } from 'zod';

/** What is stored, per table: the same text for the same rows. */
export type Fingerprint = Readonly<Record<string, string>>;

/** A store whose rows can be compared. */
export interface StoredState {
  fingerprint(): Promise<Fingerprint>;
}

/** The audit log records what operators tried, also what was refused. Nothing is decided by it. */
const NO_STATE = ['ops_audit'];

const Tables = z.array(z.object({ name: z.string() }));
const Row = z.tuple([z.object({ print: z.string() })]);

/** The rows of some databases: how many there are of each table and a hash over all of them. */
export class DatabaseState implements StoredState {
  private constructor(private readonly databases: ReadonlyMap<string, Client>) {}

  static async open(urls: Readonly<Record<string, string>>): Promise<DatabaseState> {
    const databases = new Map<string, Client>();
    for (const [name, connectionString] of Object.entries(urls)) {
      const client = new Client({ connectionString });
      await client.connect();
      databases.set(name, client);
    }
    return new DatabaseState(databases);
  }

  async fingerprint(): Promise<Fingerprint> {
    const parts = await Promise.all(
      [...this.databases].map(async ([database, client]) => {
        const prints = await printsOf(client);
        return prints.map(([table, print]) => [`${database}.${table}`, print] as const);
      }),
    );
    return Object.fromEntries(parts.flat());
  }

  /** One number of a table, for waiting until work is done. */
  async count(database: string, from: string): Promise<number> {
    const { rows } = await this.client(database).query(`SELECT count(*)::text AS print FROM ${from}`);
    return Number(Row.parse(rows)[0].print);
  }

  async close(): Promise<void> {
    await Promise.all([...this.databases.values()].map((client) => client.end()));
  }

  private client(database: string): Client {
    const client = this.databases.get(database);
    if (client === undefined) {
      throw new Error(`there is no database ${database}`);
    }
    return client;
  }
}

async function printsOf(client: Client): Promise<readonly (readonly [string, string])[]> {
  const { rows } = await client.query(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
     WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND tablename <> ALL ($1) ORDER BY 1`,
    [NO_STATE],
  );
  const names = Tables.parse(rows).map(({ name }) => name);
  const prints: [string, string][] = [];
  for (const name of names) {
    // The version of a row (xmin) too: an update that changes nothing is a write.
    const result = await client.query(
      `SELECT count(*) || ' ' || coalesce(sum(hashtextextended(t::text || xmin::text, 0)), 0) AS print FROM ${name} t`,
    );
    prints.push([name, Row.parse(result.rows)[0].print]);
  }
  return prints;
}

/** The tables in which two fingerprints differ. */
export function changedTables(before: Fingerprint, after: Fingerprint): readonly string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (table) => before[table] !== after[table],
  );
}

/** For a state that is a value in memory. */
export const digest = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('base64url');
