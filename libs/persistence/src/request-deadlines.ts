import { currentContext, DeadlineExceeded } from '@rookery/platform';
import * as pg from 'pg';
import { type BeforeQueryEvent, type EntitySubscriberInterface, EventSubscriber, type QueryRunner } from 'typeorm';
import { RenewablePool } from './renewable-pool';
import { STATEMENT_TIMEOUT_MS } from './time-limits';

/**
 * So much longer than its request's deadline may a statement run. Telling Postgres costs a round trip: a request that comes with nearly
 * all of its time needs none, because the session's own limit is near enough.
 */
const LATE_MS = 500;

/** What a transaction has set its limit to, on its query runner. */
const LOCAL_LIMIT = 'localStatementTimeoutMs';

/** Milliseconds that whoever waits for the running work still waits. */
const timeLeft = (): number => currentContext()?.deadline?.msLeft ?? Infinity;

const notBegun = (): DeadlineExceeded =>
  new DeadlineExceeded('The deadline passed before the work was done; the rest was not started.');

/**
 * Carries a request's deadline to Postgres. Nothing is sent for a request that nobody waits for any more, and what runs is canceled by
 * Postgres itself (`statement_timeout`), at most half a second after the deadline. Work without a request's context keeps the session's limit.
 */
@EventSubscriber()
export class StatementDeadlines implements EntitySubscriberInterface {
  /** Limits of sessions that are not what the session began with. */
  private readonly limits = new WeakMap<pg.ClientBase, number>();

  beforeQuery({ query, queryRunner }: BeforeQueryEvent): Promise<void> | void {
    const [verb = ''] = /^[A-Z]+/.exec(query) ?? [];
    if (ENDS.has(verb)) {
      // What was set since a savepoint is undone with it.
      queryRunner.data[LOCAL_LIMIT] = query.startsWith('ROLLBACK TO') ? NaN : undefined;
      return;
    }
    const leftMs = timeLeft();
    if (leftMs <= 0) throw notBegun();
    if (!CONTROLS.has(verb)) {
      return queryRunner.connect().then((client: pg.ClientBase) => this.limit(client, queryRunner, leftMs));
    }
  }

  private async limit(client: pg.ClientBase, runner: QueryRunner, leftMs: number): Promise<void> {
    const local: unknown = runner.isTransactionActive ? runner.data[LOCAL_LIMIT] : undefined;
    const limit = typeof local === 'number' ? local : (this.limits.get(client) ?? STATEMENT_TIMEOUT_MS);
    const wanted = Math.ceil(Math.min(leftMs, STATEMENT_TIMEOUT_MS));
    if (wanted <= limit && limit <= wanted + LATE_MS) return;
    if (runner.isTransactionActive) {
      await client.query(`SET LOCAL statement_timeout = ${wanted}`);
      runner.data[LOCAL_LIMIT] = wanted;
      return;
    }
    await client.query(`SET statement_timeout = ${wanted}`);
    this.limits.set(client, wanted);
  }
}

/** These end work, and must be possible after a deadline: a COMMIT that was reached is worth more than its repetition. */
const ENDS = new Set(['COMMIT', 'ROLLBACK']);
/** These do no work that takes time. */
const CONTROLS = new Set(['START', 'SET', 'SAVEPOINT', 'RELEASE']);

type Connected = Parameters<pg.Pool['connect']>[0];

/** A pool in which a request waits for a connection no longer than until its deadline. */
class DeadlinePool extends RenewablePool {
  override connect(): Promise<pg.PoolClient>;
  override connect(callback: Connected): void;
  override connect(callback?: Connected): Promise<pg.PoolClient> | void {
    const leftMs = timeLeft();
    if (leftMs <= 0) {
      if (callback === undefined) return Promise.reject(notBegun());
      callback(notBegun(), undefined, () => undefined);
      return;
    }
    const { connectionTimeoutMillis: usualMs } = this.options;
    // The pool reads it at once, so that it holds for this call alone.
    if (usualMs !== undefined) this.options.connectionTimeoutMillis = Math.ceil(Math.min(leftMs, usualMs));
    try {
      if (callback === undefined) return super.connect();
      super.connect(callback);
    } finally {
      this.options.connectionTimeoutMillis = usualMs;
    }
  }
}

/** What TypeORM takes for the driver: node-postgres with that pool. */
export const deadlineDriver = { ...pg, Pool: DeadlinePool };
