import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, Optional } from '@nestjs/common';
import { DataSource, type EntityManager, QueryFailedError } from 'typeorm';
import { backoff, fullJitter, logger } from '@rookery/platform';
import { isTransactionConflict, reasonOf } from './database-errors';
import { TransactionAborted } from './pipelined-client';
import { ReservedConnections } from './reserved-connections';
import { writeLater } from './write-later';

/** A transaction in progress. It belongs to a database and not only to the process, because tests run several services in one process. */
interface Transaction {
  readonly dataSource: DataSource;
  readonly manager: EntityManager;
  readonly afterCommit: (() => void | Promise<void>)[];
  /** The database's time at its start, once it has been asked for. */
  now?: Promise<Date>;
  /** In a group: the last work of each key. */
  readonly turns?: Map<string, Promise<unknown>>;
}

const MAX_ATTEMPTS = 5;
const BACKOFF = { firstMs: 40 } as const;
/** Longer than a group normally takes, and shorter than Postgres waits before it looks for a deadlock (1 s). */
const GROUP_LOCK_TIMEOUT_MS = 200;

const transactions = new AsyncLocalStorage<Transaction>();

/**
 * The only way to a transaction. Repositories, outbox and inbox join it automatically.
 *
 * @example
 * await this.unitOfWork.run(async (tx) => {
 *   await this.orders.add(order);
 *   await tx.insert(TimelineRow, row);
 * });
 */
@Injectable()
export class UnitOfWork {
  constructor(
    private readonly dataSource: DataSource,
    @Optional() private readonly reserved?: ReservedConnections,
  ) {}

  /**
   * Runs the work in one READ COMMITTED transaction and commits. A nested run joins the outer transaction, which decides. After a deadlock or a
   * serialization failure the closure runs again, at most 5 times: it must not depend on objects of an earlier run and must not have
   * effects outside the database.
   * @throws {TransactionAborted} when the work caught a database error without a savepoint
   */
  async run<T>(work: (tx: EntityManager) => Promise<T>): Promise<T> {
    return this.repeat(this.dataSource, work);
  }

  /**
   * Like `run`, but on one of a few reserved connections. It is for work that must be done in time while requests wait for the pool, and
   * regardless of its caller's deadline. Callers have to limit their concurrency.
   */
  async runReserved<T>(work: (tx: EntityManager) => Promise<T>): Promise<T> {
    return this.repeat(await this.reservedOrPool(), work);
  }

  /**
   * Like `run` or `runReserved`, for work of several callers in one transaction. It is tried once and waits only briefly for locks, because
   * its locks accumulate: two groups could wait for each other. The caller splits a failed group.
   */
  async runGroup<T>(work: (tx: EntityManager) => Promise<T>, { reserved }: { readonly reserved: boolean }): Promise<T> {
    const pool = reserved ? await this.reservedOrPool() : this.dataSource;
    return this.attempt(
      pool,
      async (tx) => {
        await writeLater(tx, `SET LOCAL lock_timeout = ${GROUP_LOCK_TIMEOUT_MS}`, []);
        return work(tx);
      },
      { turns: new Map() },
    );
  }

  /**
   * In a group, whose members run concurrently in one transaction, work of the same key runs one after the other: a row lock does not separate
   * work of one transaction. Elsewhere it runs at once.
   */
  async inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
    const turns = this.current()?.turns;
    if (turns === undefined) {
      return work();
    }
    const turn = (turns.get(key) ?? Promise.resolve()).then(work);
    turns.set(
      key,
      turn.catch(() => undefined),
    );
    return turn;
  }

  /** Returns a function that runs work in the current run's transaction from any asynchronous context. */
  joining(): <T>(work: () => Promise<T>) => Promise<T> {
    const current = this.current();
    return (work) => (current === undefined ? work() : transactions.run(current, work));
  }

  /** The manager of the current transaction. Outside of a run, each statement takes its own connection from the pool. */
  get manager(): EntityManager {
    return this.current()?.manager ?? this.dataSource.manager;
  }

  /**
   * The database's time: at the start of the current run, or now outside of a run. All due times are written and compared by it, because the
   * clocks of processes differ. A run queries it once.
   */
  async now(): Promise<Date> {
    const current = this.current();
    if (!current) {
      return databaseTime(this.dataSource.manager);
    }
    current.now ??= databaseTime(current.manager);
    return current.now;
  }

  /**
   * Calls back after the commit of the current run, or at once outside of a run. It is for notifications that may be lost: a process can die
   * between commit and callback. A failing callback is logged.
   */
  afterCommit(callback: () => void | Promise<void>): void {
    const current = this.current();
    if (current) {
      current.afterCommit.push(callback);
    } else {
      void this.callBack(callback);
    }
  }

  private async reservedOrPool(): Promise<DataSource> {
    return (await this.reserved?.open()) ?? this.dataSource;
  }

  private current(): Transaction | undefined {
    const transaction = transactions.getStore();
    return transaction?.dataSource === this.dataSource ? transaction : undefined;
  }

  private async repeat<T>(pool: DataSource, work: (tx: EntityManager) => Promise<T>): Promise<T> {
    const current = this.current();
    if (current) {
      return work(current.manager);
    }
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.attempt(pool, work);
      } catch (error) {
        if (attempt === MAX_ATTEMPTS || !isTransactionConflict(error)) {
          throw error;
        }
        await delay(fullJitter(backoff(attempt, BACKOFF)));
      }
    }
  }

  private async attempt<T>(
    pool: DataSource,
    work: (tx: EntityManager) => Promise<T>,
    group: Pick<Transaction, 'turns'> = {},
  ): Promise<T> {
    const afterCommit: Transaction['afterCommit'] = [];
    const result = await pool
      .transaction((manager) =>
        transactions.run({ dataSource: this.dataSource, manager, afterCommit, ...group }, () => work(manager)),
      )
      .catch((error: unknown) => {
        throw error instanceof QueryFailedError && error.driverError instanceof TransactionAborted
          ? error.driverError
          : error;
      });
    for (const callback of afterCommit) {
      void this.callBack(callback);
    }
    return result;
  }

  private async callBack(callback: () => void | Promise<void>): Promise<void> {
    try {
      await callback();
    } catch (error) {
      logger.error({ reason: reasonOf(error) }, 'a callback after the commit failed');
    }
  }
}

async function databaseTime(manager: EntityManager): Promise<Date> {
  const [row] = await manager.query<{ now: Date }[]>('SELECT now() AS now');
  if (row === undefined) {
    throw new Error('the database did not return its time');
  }
  return row.now;
}
