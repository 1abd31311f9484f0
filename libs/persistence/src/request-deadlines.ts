import * as pg from 'pg';
import {
  type BeforeQueryEvent,
  type EntityManager,
  type EntitySubscriberInterface,
  EventSubscriber,
  type QueryRunner,
} from 'typeorm';
import { currentContext, DeadlineExceeded } from '@rookery/platform';
import { reasonOf } from './database-errors';
import type { PipelinedClient } from './pipelined-client';
import { RenewablePool } from './renewable-pool';
import { STATEMENT_TIMEOUT_MS } from './time-limits';

/**
 * Tolerance past the request's deadline, in ms. A request that arrives with nearly all of its time needs no statement for its limit, because
 * the session's own is close enough.
 */
const LATE_MS = 500;

/** A limit so short that setting and lifting it could fail is none: it would outlive its request. */
const SHORTEST_MS = 100;

/** Key on the query runner for the limit that its transaction has set. */
const LOCAL_LIMIT = 'localStatementTimeoutMs';

/** Key on the query runner for the longest that a statement of its transaction may take, in ms. */
const LONGEST = 'longestStatementMs';

/** Shortens the time limit of the statements of a transaction. */
export function limitStatements(tx: EntityManager, longestMs: number): void {
  if (tx.queryRunner?.isTransactionActive !== true) {
    throw new Error('a time limit of statements needs a transaction');
  }
  tx.queryRunner.data[LONGEST] = longestMs;
}

/** Milliseconds until the deadline of the running work. */
const timeLeftMs = (): number => currentContext()?.deadline?.msLeft ?? Infinity;

const notStarted = (): DeadlineExceeded =>
  new DeadlineExceeded('The deadline passed before the work was done; the rest was not started.');

/**
 * Propagates a request's deadline to Postgres. After the deadline no statement is sent, and Postgres itself cancels a running one
 * (`statement_timeout`) at most half a second later. Work without a request's context keeps the session's limit.
 */
@EventSubscriber()
export class StatementDeadlines implements EntitySubscriberInterface {
  /** Limits of sessions that differ from the initial one. */
  private readonly limits = new WeakMap<pg.ClientBase, number>();

  beforeQuery({ query, queryRunner }: BeforeQueryEvent): Promise<void> | void {
    const [verb = ''] = /^[A-Z]+/.exec(query) ?? [];
    if (ENDS.has(verb)) {
      // A rollback to a savepoint also undoes the settings since then.
      const toSavepoint = query.startsWith('ROLLBACK TO');
      queryRunner.data[LOCAL_LIMIT] = toSavepoint ? NaN : undefined;
      if (!toSavepoint) {
        queryRunner.data[LONGEST] = undefined;
      }
      return;
    }
    const leftMs = timeLeftMs();
    if (leftMs <= 0) {
      throw notStarted();
    }
    if (!CONTROLS.has(verb)) {
      return queryRunner.connect().then((client: PipelinedClient) => this.limit(client, queryRunner, leftMs));
    }
  }

  private async limit(client: PipelinedClient, runner: QueryRunner, leftMs: number): Promise<void> {
    const local: unknown = runner.isTransactionActive ? runner.data[LOCAL_LIMIT] : undefined;
    const limit = typeof local === 'number' ? local : (this.limits.get(client) ?? STATEMENT_TIMEOUT_MS);
    const longest: unknown = runner.isTransactionActive ? runner.data[LONGEST] : undefined;
    const longestMs = typeof longest === 'number' ? longest : STATEMENT_TIMEOUT_MS;
    const wanted = Math.ceil(Math.min(Math.max(leftMs, SHORTEST_MS), longestMs));
    if (wanted <= limit && limit <= wanted + LATE_MS) {
      return;
    }
    if (runner.isTransactionActive) {
      client.later(`SET LOCAL statement_timeout = ${wanted}`, []);
      runner.data[LOCAL_LIMIT] = wanted;
      return;
    }
    // Its answer is awaited: if it failed, the session would keep the limit of another request.
    await client.query(`SET statement_timeout = ${wanted}`);
    this.limits.set(client, wanted);
  }
}

/** These end work and are allowed after a deadline: a COMMIT that was reached is better than a retry. */
const ENDS = new Set(['COMMIT', 'ROLLBACK']);
/** These take no time. */
const CONTROLS = new Set(['START', 'SET', 'SAVEPOINT', 'RELEASE']);

/** Messages of the pool and of a connection that is being opened. */
const TIMED_OUT = /timeout exceeded when trying to connect|due to connection timeout/;

type Connected = Parameters<pg.Pool['connect']>[0];

/** A pool in which a request waits for a connection at most until its deadline. */
class DeadlinePool extends RenewablePool {
  override connect(): Promise<pg.PoolClient>;
  override connect(callback: Connected): void;
  override connect(callback?: Connected): Promise<pg.PoolClient> | void {
    const leftMs = timeLeftMs();
    if (leftMs <= 0) {
      if (callback === undefined) {
        return Promise.reject(notStarted());
      }
      callback(notStarted(), undefined, () => undefined);
      return;
    }
    const { connectionTimeoutMillis: defaultMs } = this.options;
    // A timer may fire some milliseconds early: what ends the wait is the deadline all the same.
    const endedBy = <T>(error: T): T | DeadlineExceeded =>
      leftMs < (defaultMs ?? Infinity) && TIMED_OUT.test(reasonOf(error)) ? notStarted() : error;
    // The pool reads it synchronously, so it applies to this call only.
    if (defaultMs !== undefined) {
      this.options.connectionTimeoutMillis = Math.ceil(Math.min(leftMs, defaultMs));
    }
    try {
      if (callback === undefined) {
        return super.connect().catch((error: unknown) => {
          throw endedBy(error);
        });
      }
      super.connect((error, client, release) => callback(endedBy(error), client, release));
    } finally {
      this.options.connectionTimeoutMillis = defaultMs;
    }
  }
}

/** The driver for TypeORM: node-postgres with that pool. */
export const deadlineDriver = { ...pg, Pool: DeadlinePool };
