import type { EntityManager } from 'typeorm';
import { PipelinedClient } from './pipelined-client';

/**
 * Executes a write whose result nobody needs. In a transaction it does not wait for the answer: the write is sent with the next statement or
 * the COMMIT, and the transaction fails if it fails.
 * @throws {QueryFailedError} outside of a transaction, when the statement fails
 */
export async function writeLater(tx: EntityManager, text: string, values: unknown[]): Promise<void> {
  const client = await clientOf(tx, text);
  if (client === undefined) {
    await tx.query(text, values);
  } else {
    client.later(text, values);
  }
}

/**
 * The same for one row of a statement that takes an array per column (`unnest`). Rows that wait at the same time are written by one statement,
 * in their order, at the place of the first. A row must therefore not depend on a write between them.
 */
export async function writeRowLater(tx: EntityManager, text: string, row: readonly unknown[]): Promise<void> {
  const client = await clientOf(tx, text);
  if (client === undefined) {
    await tx.query(
      text,
      row.map((value) => [value]),
    );
  } else {
    client.rowLater(text, row);
  }
}

/** The connection of a running transaction, if it can write later. */
async function clientOf(tx: EntityManager, text: string): Promise<PipelinedClient | undefined> {
  const runner = tx.queryRunner;
  const client: unknown = runner?.isTransactionActive === true ? await runner.connect() : undefined;
  if (runner === undefined || !(client instanceof PipelinedClient)) {
    return undefined;
  }
  // As TypeORM does before each statement: past the request's deadline nothing is sent.
  await runner.broadcaster.broadcast('BeforeQuery', text, []);
  return client;
}
