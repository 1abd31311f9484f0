import { DataSource, MigrationExecutor } from 'typeorm';
import { UnusableSetting } from '@rookery/platform';
import type { PostgresOptions } from './data-source-options';
import { type AddressSetting, DatabaseUnreachable } from './database-errors';
import { identityOf, rejectTransactionPooling, TransactionPooling } from './pooler';

/**
 * Connects to a database and verifies its addresses.
 * @throws {DatabaseUnreachable} when the database does not answer or rejects the role
 * @throws {TransactionPooling} when a pooler on the way gives each transaction another session
 * @throws {UnusableSetting} when the address for sessions points to another database
 */
export async function connect(options: PostgresOptions): Promise<DataSource> {
  const { url, sessionUrl } = options;
  await reached('DATABASE_URL', url, () => rejectTransactionPooling(url));
  if (sessionUrl !== url) {
    await requireSameDatabase(url, sessionUrl);
  }
  return open(options);
}

/**
 * Connects to the address for sessions only: a migration's lock belongs to its session.
 * @throws {DatabaseUnreachable} when the database does not answer or rejects the role
 * @throws {TransactionPooling} when a pooler on the way gives each transaction another session
 */
export async function connectForSession(options: PostgresOptions): Promise<DataSource> {
  const { url, sessionUrl } = options;
  const setting = sessionUrl === url ? 'DATABASE_URL' : 'DATABASE_SESSION_URL';
  await reached(setting, sessionUrl, () => rejectTransactionPooling(sessionUrl));
  return open({ ...options, url: sessionUrl }, setting);
}

/**
 * Connects to an address that was verified at start.
 * @throws {DatabaseUnreachable} when the database does not answer or rejects the role
 */
export function open(options: PostgresOptions, setting: AddressSetting = 'DATABASE_URL'): Promise<DataSource> {
  return reached(setting, options.url, () => new DataSource(options).initialize());
}

async function requireSameDatabase(url: string, sessionUrl: string): Promise<void> {
  await reached('DATABASE_SESSION_URL', sessionUrl, () => rejectTransactionPooling(sessionUrl));
  const database = await reached('DATABASE_URL', url, () => identityOf(url));
  if ((await reached('DATABASE_SESSION_URL', sessionUrl, () => identityOf(sessionUrl))) === database) {
    return;
  }
  throw new UnusableSetting(
    'DATABASE_SESSION_URL points to a different database than DATABASE_URL. Set it to the same database, without the pooler.',
  );
}

/** Names the setting of an unreachable address in the error. */
async function reached<T>(setting: AddressSetting, url: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TransactionPooling) {
      throw error;
    }
    throw new DatabaseUnreachable(url, error, setting);
  }
}

/** The database schema is older than the code: a service would fail at the first statement that needs a missing part. */
export class MigrationsPending extends Error {
  readonly code = 'MIGRATIONS_PENDING';

  constructor(names: readonly string[]) {
    super(`the database lacks ${names.join(', ')}`);
    this.name = 'MigrationsPending';
  }
}

/**
 * Connects a service to its migrated database. A schema that is newer than the code is accepted.
 * @throws {MigrationsPending} when migrations are missing; otherwise as `connect`
 */
export async function connectMigrated(options: PostgresOptions): Promise<DataSource> {
  const dataSource = await connect(options);
  const pending = await new MigrationExecutor(dataSource).getPendingMigrations();
  if (pending.length === 0) {
    return dataSource;
  }
  await dataSource.destroy();
  throw new MigrationsPending(pending.map(({ name }) => name));
}
