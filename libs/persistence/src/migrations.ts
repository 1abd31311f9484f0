import { setTimeout as delay } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import { type DataSource, MigrationExecutor, type QueryRunner } from 'typeorm';
import { z } from 'zod';
import { databaseConfig, loadConfig } from '@rookery/platform';
import { connectForSession } from './connect';
import { ANY_PLAN, connectionOptions, type PostgresOptions, prepareSession } from './data-source-options';
import type { DatabaseConfig } from './database';
import { reasonOf } from './database-errors';
import { LockKeys } from './relay-session';

const LOCK_POLL_MS = 200;

/** Creates the tables `outbox` and `inbox`, in a service's first migration. */
export async function createOutboxAndInbox(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE TABLE outbox (
      id             bigint GENERATED ALWAYS AS IDENTITY,
      event_id       uuid        NOT NULL,
      name           text        NOT NULL,
      version        integer     NOT NULL,
      source         text        NOT NULL,
      subject        text        NOT NULL,
      aggregate_id   uuid        NOT NULL,
      sequence       integer     NOT NULL,
      correlation_id text        NOT NULL,
      causation_id   text,
      traceparent    text,
      data           jsonb       NOT NULL,
      occurred_at    timestamptz NOT NULL,
      published_at   timestamptz,
      CONSTRAINT outbox_pk PRIMARY KEY (id),
      CONSTRAINT outbox_aggregate_sequence_uq UNIQUE (aggregate_id, sequence),
      CONSTRAINT outbox_sequence_ck CHECK (sequence >= 1)
    )`);
  await runner.query('CREATE INDEX outbox_unpublished_ix ON outbox (id) WHERE published_at IS NULL');
  await createInbox(runner);
}

/** Creates the table `inbox` only, for a service that consumes events and publishes none. */
export async function createInbox(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE TABLE inbox (
      consumer     text        NOT NULL,
      event_id     uuid        NOT NULL,
      aggregate_id uuid        NOT NULL,
      sequence     integer     NOT NULL,
      processed_at timestamptz NOT NULL DEFAULT now(),
      CONSTRAINT inbox_pk PRIMARY KEY (consumer, event_id)
    )`);
  await runner.query('CREATE INDEX inbox_processed_at_ix ON inbox USING brin (processed_at)');
}

/** Undoes createOutboxAndInbox. */
export async function dropOutboxAndInbox(runner: QueryRunner): Promise<void> {
  await dropInbox(runner);
  await runner.query('DROP TABLE outbox');
}

/** Undoes createInbox. */
export async function dropInbox(runner: QueryRunner): Promise<void> {
  await runner.query('DROP TABLE inbox');
}

/** Creates the table `ops_audit` of operators' actions, for services with such actions. */
export async function createOpsAudit(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE TABLE ops_audit (
      id             uuid        NOT NULL,
      subject        text        NOT NULL,
      client_id      text,
      action         text        NOT NULL,
      target         text        NOT NULL,
      correlation_id text        NOT NULL,
      begun_at       timestamptz NOT NULL DEFAULT now(),
      outcome        text,
      ended_at       timestamptz,
      CONSTRAINT ops_audit_pk PRIMARY KEY (id),
      CONSTRAINT ops_audit_end_ck CHECK ((outcome IS NULL) = (ended_at IS NULL))
    )`);
}

/** Undoes createOpsAudit. */
export async function dropOpsAudit(runner: QueryRunner): Promise<void> {
  await runner.query('DROP TABLE ops_audit');
}

/** Creates the table `idempotency_key` of stored answers, for each service with commands. */
export async function createIdempotencyKeys(runner: QueryRunner): Promise<void> {
  await runner.query(`
    CREATE TABLE idempotency_key (
      issuer      text        NOT NULL,
      subject     text        NOT NULL,
      client_id   text        NOT NULL,
      key         text        NOT NULL,
      fingerprint text        NOT NULL,
      response    text        NOT NULL,
      expires_at  timestamptz NOT NULL,
      CONSTRAINT idempotency_key_pk PRIMARY KEY (issuer, subject, client_id, key)
    )`);
  await runner.query('CREATE INDEX idempotency_key_by_expiry ON idempotency_key (expires_at)');
}

/** Undoes createIdempotencyKeys. */
export async function dropIdempotencyKeys(runner: QueryRunner): Promise<void> {
  await runner.query('DROP TABLE idempotency_key');
}

/**
 * Creates the index by which the inbox finds an event's predecessor. Writes continue meanwhile, so it requires a migration with
 * `transaction = false`. It replaces an invalid index of an interrupted attempt.
 */
export async function createInboxOrderIndex(runner: QueryRunner): Promise<void> {
  await dropInboxOrderIndex(runner);
  await runner.query('CREATE INDEX CONCURRENTLY inbox_aggregate_sequence_ix ON inbox (aggregate_id, sequence)');
}

/** Undoes createInboxOrderIndex. */
export async function dropInboxOrderIndex(runner: QueryRunner): Promise<void> {
  await runner.query('DROP INDEX CONCURRENTLY IF EXISTS inbox_aggregate_sequence_ix');
}

/** A migration failed. It was rolled back unless it runs without a transaction; earlier ones stay applied. */
export class MigrationFailed extends Error {
  constructor(name: string, rolledBack: boolean, cause: unknown) {
    super(`migration ${name} failed${rolledBack ? ' and was rolled back' : ''}: ${reasonOf(cause)}`, { cause });
    this.name = 'MigrationFailed';
  }
}

/**
 * Applies the pending migrations, oldest first, each in its own transaction and with one progress line. A migration with `transaction = false`
 * (CREATE INDEX CONCURRENTLY needs it) must be safe to restart. An advisory lock makes a second process wait, which then finds nothing
 * to do. The statement timeout of requests does not apply.
 * @returns the names of the applied migrations
 * @throws {DatabaseUnreachable}
 * @throws {MigrationFailed}
 */
export async function runMigrations(
  options: PostgresOptions,
  progress: (line: string) => void = (line) => process.stdout.write(`${line}\n`),
): Promise<readonly string[]> {
  const dataSource = await connectForSession(withoutTimeLimit(options));
  const runner = dataSource.createQueryRunner();
  try {
    await lock(runner);
    return await applyPending(dataSource, runner, progress);
  } finally {
    await runner.release();
    // Ends the session and releases the lock.
    await dataSource.destroy();
  }
}

/**
 * Runs the migrations of a service as a program that reads `databaseConfig` from the environment. Progress goes to stdout; a failure is
 * one line on stderr and exit code 1.
 */
export async function migrate(service: string, options: (config: DatabaseConfig) => PostgresOptions): Promise<void> {
  const config = loadConfig(z.object(databaseConfig), { name: `${service} migrations` });
  try {
    await runMigrations(options(config));
  } catch (error) {
    process.stderr.write(`the migrations of ${service} failed: ${reasonOf(error)}\n`);
    process.exitCode = 1;
  }
}

/** Polls, because CREATE INDEX CONCURRENTLY would deadlock with a statement that waits for the lock. */
async function lock(runner: QueryRunner): Promise<void> {
  const sql = 'SELECT WHERE pg_try_advisory_lock($1, $2)';
  const attempt = async (): Promise<boolean> =>
    (await runner.manager.query<unknown[]>(sql, [LockKeys.namespace, LockKeys.migrations])).length > 0;
  while (!(await attempt())) {
    await delay(LOCK_POLL_MS);
  }
}

async function applyPending(
  dataSource: DataSource,
  runner: QueryRunner,
  progress: (line: string) => void,
): Promise<readonly string[]> {
  const executor = new MigrationExecutor(dataSource, runner);
  const pending = await executor.getPendingMigrations();
  if (pending.length === 0) {
    progress('no pending migrations');
  }
  for (const migration of pending) {
    const startedAt = performance.now();
    const inTransaction = migration.instance?.transaction !== false;
    if (inTransaction) {
      await runner.startTransaction();
    }
    try {
      await executor.executeMigration(migration);
      if (inTransaction) {
        await runner.commitTransaction();
      }
    } catch (error) {
      if (inTransaction) {
        await runner.rollbackTransaction();
      }
      throw new MigrationFailed(migration.name, inTransaction, error);
    }
    progress(`applied ${migration.name} in ${Math.round(performance.now() - startedAt)} ms`);
  }
  return pending.map(({ name }) => name);
}

const withoutTimeLimit = (options: PostgresOptions): PostgresOptions => ({
  ...options,
  extra: {
    ...connectionOptions,
    query_timeout: 0,
    onConnect: (client: ClientBase) => prepareSession(client, { statement_timeout: 0, ...ANY_PLAN }),
  },
});
