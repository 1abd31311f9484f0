import { type DatabaseSettings, dataSourceOptions, type PostgresOptions } from './data-source-options';

/** The settings of a service that say where its database is (`databaseConfig` of platform). */
export interface DatabaseConfig {
  readonly DATABASE_URL: string;
  readonly DATABASE_SESSION_URL?: string | undefined;
  /** Maximum number of connections of the pool. @default 10 */
  readonly DATABASE_POOL_SIZE?: number;
}

/** Defines a service's database by its entities and migrations; the result connects the service and its migrations alike. */
export const database =
  (contents: Pick<DatabaseSettings, 'entities' | 'migrations'>) =>
  ({ DATABASE_URL, DATABASE_SESSION_URL, DATABASE_POOL_SIZE }: DatabaseConfig): PostgresOptions =>
    dataSourceOptions({
      ...contents,
      url: DATABASE_URL,
      sessionUrl: DATABASE_SESSION_URL,
      ...(DATABASE_POOL_SIZE === undefined ? {} : { poolSize: DATABASE_POOL_SIZE }),
    });
