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
  const database = await look('DATABASE_URL', options.url);
  if (options.sessionUrl !== options.url && (await look('DATABASE_SESSION_URL', options.sessionUrl)) !== database) {
    throw new UnusableSetting(
      'DATABASE_SESSION_URL leads to another database than DATABASE_URL. Give it the same one, without the pooler.',
    );
  }
  return reached('DATABASE_URL', options.url, () => new DataSource(options).initialize());
}

/** Which database it is that answers at the address. */
const look = (setting: AddressSetting, url: string): Promise<string> =>
  reached(setting, url, async () => {
    await refuseTransactionPooling(url);
    return identityOf(url);
  });

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
