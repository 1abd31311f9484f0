import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, Logger, Optional } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { databaseErrorCode, isTransactionConflict, reasonOf } from './database-errors';
import { FailedStatements } from './failed-statements';
import { ReservedConnections } from './reserved-connections';

/** A transaction in progress. Database and not only process: tests run several services in one process. */
interface Transaction {
  readonly dataSource: DataSource;
  readonly manager: EntityManager;
  readonly afterCommit: (() => void | Promise<void>)[];
  /** The database's time as it began, once somebody has asked for it. */
  now?: Promise<Date>;
}

const MAX_ATTEMPTS = 5;
const BACKOFF_MS = 20;
/** SQLSTATE in_failed_sql_transaction. */
const IN_FAILED_TRANSACTION = '25P02';

const transactions = new AsyncLocalStorage<Transaction>();

/** The work caught an error of the database and went on: Postgres would answer its COMMIT with a silent rollback. */
export class TransactionAborted extends Error {
  constructor() {
    super('the transaction was aborted by an earlier statement; a caught database error needs a savepoint');
    this.name = 'TransactionAborted';
  }
}

/** The only way to a transaction. Whatever runs inside, repository, outbox and inbox alike, joins it by itself. */
@Injectable()
export class UnitOfWork {
  private readonly logger = new Logger(UnitOfWork.name);

  constructor(
    private readonly dataSource: DataSource,
    @Optional() private readonly reserved?: ReservedConnections,
  ) {}

  /**
   * Runs the work in one READ COMMITTED transaction and commits. Inside another run it joins that one, which then decides.
   * A deadlock or serialization failure runs the whole closure again, 5 times at most: it must build what it writes itself
   * and have no effect outside the database.
   */
  async run<T>(work: (tx: EntityManager) => Promise<T>): Promise<T> {
    return this.repeat(this.dataSource, work);
  }

  /**
   * As `run`, on one of a few connections that requests do not use: for what has to be done in time when requests wait for the pool, and
   * whether its caller still waits or not. Whoever calls it bounds how much of it there is at a time.
   */
  async runReserved<T>(work: (tx: EntityManager) => Promise<T>): Promise<T> {
    return this.repeat((await this.reserved?.open()) ?? this.dataSource, work);
  }

  /** The current transaction's manager; outside of a run, one that takes a connection from the pool for each statement. */
  get manager(): EntityManager {
    return this.current()?.manager ?? this.dataSource.manager;
  }

  /**
   * The database's time: of a run as it began, the same for all of it; outside of a run as it is now. Whatever is due is written by it and
   * compared with it, for the clocks of processes differ. A run asks once.
   */
  async now(): Promise<Date> {
    const current = this.current();
    if (!current) return databaseTime(this.dataSource.manager);
    current.now ??= databaseTime(current.manager);
    return current.now;
  }

  /**
   * Calls back once the current run has committed, and never if it has not; outside of a run, at once.
   * For what may be lost: a process can die between commit and callback. A failure is logged, not thrown.
   */
  afterCommit(callback: () => void | Promise<void>): void {
    const current = this.current();
    if (current) current.afterCommit.push(callback);
    else void this.callBack(callback);
  }

  private current(): Transaction | undefined {
    const transaction = transactions.getStore();
    return transaction?.dataSource === this.dataSource ? transaction : undefined;
  }

  private async repeat<T>(pool: DataSource, work: (tx: EntityManager) => Promise<T>): Promise<T> {
    const current = this.current();
    if (current) return work(current.manager);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.attempt(pool, work);
      } catch (error) {
        if (attempt === MAX_ATTEMPTS || !isTransactionConflict(error)) throw error;
        await delay(Math.random() * BACKOFF_MS * 2 ** attempt);
      }
    }
  }

  private async attempt<T>(pool: DataSource, work: (tx: EntityManager) => Promise<T>): Promise<T> {
    const afterCommit: Transaction['afterCommit'] = [];
    const result = await pool.transaction(async (manager) => {
      const done = await transactions.run({ dataSource: this.dataSource, manager, afterCommit }, () => work(manager));
      await refuseSilentRollback(manager);
      return done;
    });
    for (const callback of afterCommit) void this.callBack(callback);
    return result;
  }

  private async callBack(callback: () => void | Promise<void>): Promise<void> {
    try {
      await callback();
    } catch (error) {
      this.logger.error(`a callback after the commit failed: ${reasonOf(error)}`);
    }
  }
}

async function databaseTime(manager: EntityManager): Promise<Date> {
  const [row] = await manager.query<{ now: Date }[]>('SELECT now() AS now');
  if (row === undefined) throw new Error('the database did not tell its time');
  return row.now;
}

/**
 * Asks Postgres, and only after a statement has failed. The driver's own idea of the transaction's state comes too late: it rejects
 * the statement before it has read that the transaction is aborted.
 */
async function refuseSilentRollback(manager: EntityManager): Promise<void> {
  if (!FailedStatements.on(manager.queryRunner)) return;
  try {
    await manager.query('SELECT 1');
  } catch (error) {
    if (databaseErrorCode(error) === IN_FAILED_TRANSACTION) throw new TransactionAborted();
    throw error;
  }
}
