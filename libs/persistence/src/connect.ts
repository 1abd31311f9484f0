import { DataSource, MigrationExecutor } from 'typeorm';
import type { PostgresOptions } from './data-source-options';
import { DatabaseUnreachable } from './database-errors';
import { refuseTransactionPooling, TransactionPooling } from './pooler';

/**
 * Connects.
 * @throws DatabaseUnreachable when the database does not answer or refuses the role
 * @throws TransactionPooling when a pooler is between that gives each transaction another session
 */
export async function connect(options: PostgresOptions): Promise<DataSource> {
  try {
    for (const url of new Set([options.url, options.sessionUrl])) await refuseTransactionPooling(url);
    return await new DataSource(options).initialize();
  } catch (error) {
    if (error instanceof TransactionPooling) throw error;
    throw new DatabaseUnreachable(options.url, error);
  }
}

/** The database is older than the code: a service would fail at the first statement that needs what is missing. */
export class MigrationsPending extends Error {
  readonly code = 'MIGRATIONS_PENDING';

  constructor(names: readonly string[]) {
    super(`the database lacks ${names.join(', ')}`);
    this.name = 'MigrationsPending';
  }
}

/** Connects a service: as `connect`, and throws MigrationsPending. A database that is newer than the code is fine. */
export async function connectMigrated(options: PostgresOptions): Promise<DataSource> {
  const dataSource = await connect(options);
  const pending = await new MigrationExecutor(dataSource).getPendingMigrations();
  if (pending.length === 0) return dataSource;
  await dataSource.destroy();
  throw new MigrationsPending(pending.map(({ name }) => name));
}
