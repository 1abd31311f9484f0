import { AsyncLocalStorage } from 'node:async_hooks';
import type { EntityManager } from 'typeorm';
import { databaseErrorCode } from './database-errors';
import type { UnitOfWork } from './unit-of-work';

/** How many works may share a transaction. */
const MAX_GROUP = 32;
/** Works at a time that run alone after their group failed. */
const PARALLEL_SINGLES = 4;
/** SQLSTATEs of work that met a lock: lock_not_available, deadlock_detected, serialization_failure. */
const LOCKED: readonly (string | undefined)[] = ['55P03', '40P01', '40001'];

type Work<Result> = (tx: EntityManager) => Promise<Result>;

interface Waiting {
  readonly work: Work<unknown>;
  /** Continues in the asynchronous context of the caller. */
  readonly inContext: <T>(work: () => T) => T;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Settings of a `GroupCommit`. */
export interface GroupCommitOptions {
  /** Whether the transactions are on reserved connections; otherwise they wait for the pool, as requests do. */
  readonly reserved: boolean;
}

/**
 * Commits the work of many callers together. What comes in the same turn of the event loop shares a transaction, and so does what comes while
 * a group runs: groups grow with the load, and a single caller starts at once. There is one group at a time, because two would wait for each
 * other's locks.
 *
 * The works of a group run concurrently, so that they share statements (`SharedStatement`, `writeRowLater`); work on the same rows takes
 * turns (`UnitOfWork.inTurn`). If one fails, all are rolled back and each runs again in a transaction of its own: a failing or blocked one
 * delays nobody else. So a work must not have effects outside of the database.
 */
export class GroupCommit {
  private readonly waiting: Waiting[] = [];
  private readonly alone: Waiting[] = [];
  /** A group belongs to none of its callers: it joins no transaction and has no request’s context. */
  private readonly outside = AsyncLocalStorage.snapshot();
  private grouping = false;
  private singles = 0;

  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly options: GroupCommitOptions,
  ) {}

  /**
   * Runs the work in a transaction, in the context of the caller, and resolves after the commit.
   * @throws {unknown} what the work rejects with when it runs alone
   */
  run<Result>(work: Work<Result>): Promise<Result>;
  run(work: Work<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ work, inContext: AsyncLocalStorage.snapshot(), resolve, reject });
      if (!this.grouping) {
        this.grouping = true;
        setImmediate(() => void this.outside(() => this.runGroups()));
      }
    });
  }

  private async runGroups(): Promise<void> {
    while (this.waiting.length > 0) {
      const group = this.waiting.splice(0, MAX_GROUP);
      const { reserved } = this.options;
      await this.attempt(group, (work) => this.unitOfWork.runGroup(work, { reserved })).catch((error: unknown) =>
        this.split(group, error),
      );
    }
    this.grouping = false;
  }

  /** A single work that only waited too long for a lock runs again too, without that limit. */
  private split(group: readonly Waiting[], error: unknown): void {
    if (group.length === 1 && !LOCKED.includes(databaseErrorCode(error))) {
      group.forEach(({ reject }) => reject(error));
      return;
    }
    this.alone.push(...group);
    this.startSingles();
  }

  private startSingles(): void {
    while (this.singles < PARALLEL_SINGLES) {
      const single = this.alone.shift();
      if (single === undefined) {
        return;
      }
      this.singles += 1;
      void this.attempt([single], (work) => single.inContext(() => this.runAlone(work)))
        .catch((error: unknown) => single.reject(error))
        .then(() => {
          this.singles -= 1;
          this.startSingles();
        });
    }
  }

  private runAlone<T>(work: Work<T>): Promise<T> {
    return this.options.reserved ? this.unitOfWork.runReserved(work) : this.unitOfWork.run(work);
  }

  private async attempt(
    group: readonly Waiting[],
    transaction: (work: Work<readonly unknown[]>) => Promise<readonly unknown[]>,
  ): Promise<void> {
    const results = await transaction((tx) => {
      const join = this.unitOfWork.joining();
      return allSettled(group.map(({ work, inContext }) => inContext(() => join(() => work(tx)))));
    });
    group.forEach(({ resolve }, index) => resolve(results[index]));
  }
}

/**
 * Waits for all of them: a work that continued after its group's rollback would take effect on its own.
 * @throws {unknown} the first failure, in their order
 */
async function allSettled(works: readonly Promise<unknown>[]): Promise<readonly unknown[]> {
  const ends = await Promise.allSettled(works);
  return ends.map((end) => {
    if (end.status === 'rejected') {
      throw end.reason;
    }
    return end.value;
  });
}
