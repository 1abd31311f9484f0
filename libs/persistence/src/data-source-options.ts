import { Logger } from '@nestjs/common';
import { escapeLiteral, type ClientBase } from 'pg';
import type { DataSource, DataSourceOptions, EntitySchema } from 'typeorm';
import { BrokenConnections } from './broken-connections';
import { FailedStatements } from './failed-statements';
import { renewableDriver } from './renewable-pool';
import { deadlineDriver, StatementDeadlines } from './request-deadlines';
import { SnakeCaseNaming } from './snake-case-naming';
import { CONNECTION_TIMEOUT_MS, STATEMENT_TIMEOUT_MS } from './time-limits';

const IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000;
/** The client's own limit notices a half-open connection, on which the server's statement timeout never arrives. */
const ANSWER_TIMEOUT_MS = 10_000;

const sessionSettings = {
  default_transaction_isolation: 'read committed',
  statement_timeout: STATEMENT_TIMEOUT_MS,
  idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
  // A client that vanished without a FIN gives back its locks within 25 s.
  tcp_keepalives_idle: 10,
  tcp_keepalives_interval: 5,
  tcp_keepalives_count: 3,
} as const;

/**
 * Gives a fresh session its settings, in one round trip. Not as startup parameters: PgBouncer refuses those, or ignores them where it is told
 * to, and then there would be no limits.
 */
export async function prepareSession(
  client: Pick<ClientBase, 'query'>,
  settings: Readonly<Partial<Record<keyof typeof sessionSettings | 'role', string | number>>> = {},
): Promise<void> {
  const all = Object.entries({ ...sessionSettings, ...settings });
  await client.query(all.map(([name, value]) => `SET ${name} = ${escapeLiteral(String(value))}`).join('; '));
}

/** How the client treats every connection of a service, pooled or dedicated. */
export const connectionOptions = {
  query_timeout: ANSWER_TIMEOUT_MS,
  connectionTimeoutMillis: CONNECTION_TIMEOUT_MS,
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
} as const;

/** TypeORM options of a service's Postgres database. */
export type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }> & {
  readonly url: string;
  /** The server itself: for what needs a session of its own, such as a lock. */
  readonly sessionUrl: string;
};

type EntityClass = abstract new (...args: never[]) => unknown;
type MigrationClass = new () => unknown;

/** How a service's database is named and what lives in it. */
export interface DatabaseSettings {
  /** `postgres://role:password@host:port/database`. */
  readonly url: string;
  /** The same database without the pooler that `url` may lead to; default: `url`. */
  readonly sessionUrl?: string | undefined;
  /** Most connections of the pool; default 10. The relay has one more of its own, `ReservedConnections` a few. */
  readonly poolSize?: number;
  readonly entities: readonly (EntityClass | EntitySchema)[];
  readonly migrations: readonly MigrationClass[];
}

/**
 * TypeORM options that every service uses: snake_case naming, READ COMMITTED, bounded waits everywhere, by a request's deadline too,
 * TCP keep-alive in both directions, and no schema synchronisation.
 */
export function dataSourceOptions({
  url,
  sessionUrl = url,
  poolSize = 10,
  entities,
  migrations,
}: DatabaseSettings): PostgresOptions {
  const logger = new Logger('Database');
  return {
    type: 'postgres',
    url,
    sessionUrl,
    poolSize,
    entities: [...entities],
    migrations: [...migrations],
    driver: deadlineDriver,
    subscribers: [StatementDeadlines, BrokenConnections, FailedStatements],
    migrationsTableName: 'migrations',
    namingStrategy: new SnakeCaseNaming(),
    synchronize: false,
    logging: false,
    extra: { ...connectionOptions, idleTimeoutMillis: 30_000, onConnect: prepareSession },
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

/** Where a data source made of `dataSourceOptions` finds the server itself. */
export function sessionUrlOf({ options }: DataSource): string {
  const url: unknown = 'sessionUrl' in options ? options.sessionUrl : undefined;
  if (typeof url !== 'string') throw new Error('the data source was not made by dataSourceOptions');
  return url;
}
