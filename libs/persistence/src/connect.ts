import { DataSource, type DataSourceOptions, MigrationExecutor } from 'typeorm';
import { DatabaseUnreachable } from './database-errors';

/** Connects; throws DatabaseUnreachable when the database does not answer or refuses the role. */
export async function connect(options: DataSourceOptions): Promise<DataSource> {
  try {
    return await new DataSource(options).initialize();
  } catch (error) {
    throw new DatabaseUnreachable(options.type === 'postgres' ? (options.url ?? '') : '', error);
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
export async function connectMigrated(options: DataSourceOptions): Promise<DataSource> {
  const dataSource = await connect(options);
  const pending = await new MigrationExecutor(dataSource).getPendingMigrations();
  if (pending.length === 0) return dataSource;
  await dataSource.destroy();
  throw new MigrationsPending(pending.map(({ name }) => name));
}
