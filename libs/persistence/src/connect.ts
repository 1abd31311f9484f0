import { UnusableSetting } from '@rookery/platform';
import { DataSource, MigrationExecutor } from 'typeorm';
import type { PostgresOptions } from './data-source-options';
import { DatabaseUnreachable, type AddressSetting } from './database-errors';
import { identityOf, refuseTransactionPooling, TransactionPooling } from './pooler';

/**
 * Connects.
 * @throws DatabaseUnreachable when the database does not answer or refuses the role
 * @throws TransactionPooling when a pooler is between that gives each transaction another session
 * @throws UnusableSetting when the sessions' address leads to another database
 */
export async function connect(options: PostgresOptions): Promise<DataSource> {
  const { url, sessionUrl } = options;
  await reached('DATABASE_URL', url, () => refuseTransactionPooling(url));
  if (sessionUrl !== url) await requireSameDatabase(url, sessionUrl);
  return reached('DATABASE_URL', url, () => new DataSource(options).initialize());
}

async function requireSameDatabase(url: string, sessionUrl: string): Promise<void> {
  await reached('DATABASE_SESSION_URL', sessionUrl, () => refuseTransactionPooling(sessionUrl));
  const database = await reached('DATABASE_URL', url, () => identityOf(url));
  if ((await reached('DATABASE_SESSION_URL', sessionUrl, () => identityOf(sessionUrl))) === database) return;
  throw new UnusableSetting(
    'DATABASE_SESSION_URL leads to another database than DATABASE_URL. Give it the same one, without the pooler.',
  );
}

/** Names the setting whose address cannot be reached. */
async function reached<T>(setting: AddressSetting, url: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TransactionPooling) throw error;
    throw new DatabaseUnreachable(url, error, setting);
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
