import type { EntityManager } from 'typeorm';
import { PipelinedClient } from './pipelined-client';

/** A builder of TypeORM that knows its statement. */
interface StatementBuilder {
  getQueryAndParameters(): [string, unknown[]];
}

/**
 * Executes a write whose result nobody needs. In a transaction it does not wait for the answer: the write is sent with the next statement or
 * the COMMIT, and the transaction fails if it fails.
 * @throws {QueryFailedError} outside of a transaction, when the statement fails
 */
export async function writeLater(tx: EntityManager, text: string, values: unknown[]): Promise<void> {
  const runner = tx.queryRunner;
  const client: unknown = runner?.isTransactionActive === true ? await runner.connect() : undefined;
  if (runner !== undefined && client instanceof PipelinedClient) {
    // As TypeORM does before each statement: past the request's deadline nothing is sent.
    await runner.broadcaster.broadcast('BeforeQuery', text, values);
    client.later(text, values);
    return;
  }
  await tx.query(text, values);
}

/** The same for a statement that TypeORM builds. */
export const writeBuiltLater = (tx: EntityManager, builder: StatementBuilder): Promise<void> =>
  writeLater(tx, ...builder.getQueryAndParameters());
