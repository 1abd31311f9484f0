import { type ClientBase, escapeLiteral } from 'pg';
import type { DataSource, DataSourceOptions, EntitySchema } from 'typeorm';
import { logger } from '@rookery/platform';
import { BrokenConnections } from './broken-connections';
import { renewableDriver } from './renewable-pool';
import { deadlineDriver, StatementDeadlines } from './request-deadlines';
import { SnakeCaseNaming } from './snake-case-naming';
import { CONNECTION_TIMEOUT_MS, STATEMENT_TIMEOUT_MS } from './time-limits';

const IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000;
/** The client's own timeout detects a half-open connection, over which the server's statement timeout never arrives. */
const ANSWER_TIMEOUT_MS = 10_000;

const SESSION_SETTINGS = {
  default_transaction_isolation: 'read committed',
  statement_timeout: STATEMENT_TIMEOUT_MS,
  idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
  // The server releases the locks of a client that vanished without a FIN within 25 s.
  tcp_keepalives_idle: 10,
  tcp_keepalives_interval: 5,
  tcp_keepalives_count: 3,
  // A prepared statement keeps its plan until the next ANALYZE. One that was made while a table was empty would read the whole table when it has
  // grown. So tables are read by an index, and joined row by row.
  enable_seqscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  // Where a whole table must be read, older servers add a cost that would start the compiler.
  jit: 'off',
} as const;

/** For a session whose statements read whole tables. */
export const ANY_PLAN = { enable_seqscan: 'on', enable_hashjoin: 'on', enable_mergejoin: 'on' } as const;

/**
 * Applies the settings to a new session, in one round trip. They are not startup parameters, because PgBouncer rejects those or, if so
 * configured, ignores them, and then there would be no limits.
 */
export async function prepareSession(
  client: Pick<ClientBase, 'query'>,
  settings: Readonly<Partial<Record<keyof typeof SESSION_SETTINGS | 'role', string | number>>> = {},
): Promise<void> {
  const all = Object.entries({ ...SESSION_SETTINGS, ...settings });
  await client.query(all.map(([name, value]) => `SET ${name} = ${escapeLiteral(String(value))}`).join('; '));
}

/** Client options of every connection of a service, pooled or dedicated. */
export const connectionOptions = {
  query_timeout: ANSWER_TIMEOUT_MS,
  connectionTimeoutMillis: CONNECTION_TIMEOUT_MS,
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
} as const;

/** TypeORM options of a service's Postgres database. */
export type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }> & {
  readonly url: string;
  /** Address of the server itself, for work that needs its own session, such as a lock. */
  readonly sessionUrl: string;
};

type EntityClass = abstract new (...args: never[]) => unknown;
type MigrationClass = new () => unknown;

/** Address, entities and migrations of a service's database. */
export interface DatabaseSettings {
  /** `postgres://role:password@host:port/database`. */
  readonly url: string;
  /**
   * The same database without the pooler that `url` may point to.
   * @default url
   */
  readonly sessionUrl?: string | undefined;
  /**
   * Maximum number of pooled connections. The relay uses one more, `ReservedConnections` a few more.
   * @default 10
   */
  readonly poolSize?: number;
  readonly entities: readonly (EntityClass | EntitySchema)[];
  readonly migrations: readonly MigrationClass[];
}

/**
 * TypeORM options of every service: snake_case naming, READ COMMITTED, a limit for every wait (including the request's deadline), TCP keep-alive
 * in both directions, and no schema synchronization.
 */
export function dataSourceOptions({
  url,
  sessionUrl = url,
  poolSize = 10,
  entities,
  migrations,
}: DatabaseSettings): PostgresOptions {
  return {
    type: 'postgres',
    url,
    sessionUrl,
    poolSize,
    entities: [...entities],
    migrations: [...migrations],
    driver: deadlineDriver,
    subscribers: [StatementDeadlines, BrokenConnections],
    migrationsTableName: 'migrations',
    namingStrategy: new SnakeCaseNaming(),
    synchronize: false,
    logging: false,
    extra: { ...connectionOptions, idleTimeoutMillis: 30_000, onConnect: prepareSession },
    // The pool replaces a broken idle connection. Without a handler the error would end the process.
    poolErrorHandler: (error: Error) => logger.warn({ reason: error.message }, 'lost an idle database connection'),
  };
}

/** The same options without request deadlines, for work that continues after its caller has gone. */
export const withoutRequestDeadlines = (options: PostgresOptions): PostgresOptions => ({
  ...options,
  driver: renewableDriver,
  subscribers: [BrokenConnections],
});

/** The `sessionUrl` of a data source created with `dataSourceOptions`. */
export function sessionUrlOf({ options }: DataSource): string {
  const url: unknown = 'sessionUrl' in options ? options.sessionUrl : undefined;
  if (typeof url !== 'string') {
    throw new Error('the data source was not created with dataSourceOptions');
  }
  return url;
}
