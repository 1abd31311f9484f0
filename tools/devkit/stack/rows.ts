import type { Service } from '@rookery/contracts';
import { Client, type QueryResultRow } from 'pg';
import type { IsolatedStack } from './isolated-stack';

/** Asks a service's database, past the link that faults break. */
export async function rowsOf<Row extends QueryResultRow>(
  stack: IsolatedStack,
  service: Service,
  text: string,
): Promise<Row[]> {
  const client = new Client({ connectionString: stack.databaseUrl(service) });
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}
