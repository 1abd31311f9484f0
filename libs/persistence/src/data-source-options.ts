import { Logger } from '@nestjs/common';
import type { DataSourceOptions, EntitySchema } from 'typeorm';
import { BrokenConnections } from './broken-connections';
import { FailedStatements } from './failed-statements';
import { renewableDriver } from './renewable-pool';
import { deadlineDriver, StatementDeadlines } from './request-deadlines';
import { SnakeCaseNaming } from './snake-case-naming';
import { CONNECTION_TIMEOUT_MS, STATEMENT_TIMEOUT_MS } from './time-limits';

const IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000;
/** The client's own limit notices a half-open connection, on which the server's statement timeout never arrives. */
const ANSWER_TIMEOUT_MS = 10_000;

const sessionSettings = [
  'default_transaction_isolation=read\\ committed',
  // A client that vanished without a FIN gives back its locks within 25 s.
  'tcp_keepalives_idle=10',
  'tcp_keepalives_interval=5',
  'tcp_keepalives_count=3',
];

/** What every session of a service gets, pooled or dedicated. */
export const sessionOptions = {
  statement_timeout: STATEMENT_TIMEOUT_MS,
  idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
  query_timeout: ANSWER_TIMEOUT_MS,
  connectionTimeoutMillis: CONNECTION_TIMEOUT_MS,
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
  options: sessionSettings.map((setting) => `-c ${setting}`).join(' '),
} as const;

/** TypeORM options of a Postgres database. */
export type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

type EntityClass = abstract new (...args: never[]) => unknown;
type MigrationClass = new () => unknown;

/** How a service's database is named and what lives in it. */
export interface DatabaseSettings {
  /** `postgres://role:password@host:port/database`. */
  readonly url: string;
  /** Most connections of the pool; default 10. The relay has one more of its own, `ReservedConnections` a few. */
  readonly poolSize?: number;
  readonly entities: readonly (EntityClass | EntitySchema)[];
  readonly migrations: readonly MigrationClass[];
}

/**
 * TypeORM options that every service uses: snake_case naming, READ COMMITTED, bounded waits everywhere, by a request's deadline too,
 * TCP keep-alive in both directions, and no schema synchronisation.
 */
export function dataSourceOptions({ url, poolSize = 10, entities, migrations }: DatabaseSettings): PostgresOptions {
  const logger = new Logger('Database');
  return {
    type: 'postgres',
    url,
    poolSize,
    entities: [...entities],
    migrations: [...migrations],
    driver: deadlineDriver,
    subscribers: [StatementDeadlines, BrokenConnections, FailedStatements],
    migrationsTableName: 'migrations',
    namingStrategy: new SnakeCaseNaming(),
    synchronize: false,
    logging: false,
    extra: { ...sessionOptions, idleTimeoutMillis: 30_000 },
    // An idle connection that breaks is replaced by the pool; without a handler it would end the process.
    poolErrorHandler: (error: Error) => logger.warn(`an idle database connection was lost: ${error.message}`),
  };
}

/** The same without the deadlines of requests: for work that is done whether somebody waits for it or not. */
export const withoutRequestDeadlines = (options: PostgresOptions): PostgresOptions => ({
  ...options,
  driver: renewableDriver,
  subscribers: [BrokenConnections, FailedStatements],
});
