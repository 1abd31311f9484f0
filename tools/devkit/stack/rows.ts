import { Client, type QueryResultRow } from 'pg';
import type { Service } from '@rookery/contracts';
import type { IsolatedStack } from './isolated-stack';

/** Runs with a connection that is closed afterwards. */
export async function withDatabase<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Asks a service's database, past the link that faults break. */
export const rowsOf = <Row extends QueryResultRow>(
  stack: IsolatedStack,
  service: Service,
  text: string,
): Promise<Row[]> => withDatabase(stack.databaseUrl(service), async (client) => (await client.query<Row>(text)).rows);
