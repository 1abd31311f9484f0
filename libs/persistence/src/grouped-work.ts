import { AsyncLocalStorage } from 'node:async_hooks';
import type { EntityManager } from 'typeorm';
import { databaseErrorCode } from './database-errors';
import type { UnitOfWork } from './unit-of-work';

/** How many items may share a transaction. */
const MAX_GROUP = 32;
/** Items at a time that run alone after their group failed. */
const PARALLEL_SINGLES = 4;
/** SQLSTATEs of work that met a lock: lock_not_available, deadlock_detected, serialization_failure. */
const LOCKED: readonly (string | undefined)[] = ['55P03', '40P01', '40001'];

interface Waiting<Item, Result> {
  readonly item: Item;
  /** Continues in the asynchronous context of the item's caller. */
  readonly inContext: <T>(work: () => T) => T;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** An item of a group. */
export interface Grouped<Item> {
  readonly item: Item;
  /** Runs work in the context of the item's caller and in the group's transaction. */
  readonly run: <T>(work: () => Promise<T>) => Promise<T>;
}

/**
 * Collects work of many callers into few transactions. Items of the same turn of the event loop run together, and so do those that arrive
 * while a group runs: groups grow with the load, and a single item starts at once. There is one group at a time, because two would wait for
 * each other's locks.
 *
 * `work` handles a group in one transaction, all or nothing, and resolves to a result per item. When it rejects, each item runs
 * again in a transaction of its own: a failing or blocked one delays nobody else. The transactions are on reserved connections.
 */
export class GroupedWork<Item, Result> {
  private readonly waiting: Waiting<Item, Result>[] = [];
  private readonly alone: Waiting<Item, Result>[] = [];
  /** A group belongs to none of its callers: it joins no transaction and has no request’s context. */
  private readonly outside = AsyncLocalStorage.snapshot();
  private grouping = false;
  private singles = 0;

  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly work: (tx: EntityManager, group: readonly Grouped<Item>[]) => Promise<readonly Result[]>,
  ) {}

  /** @throws {unknown} what `work` rejects with for this item alone */
  run(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ item, inContext: AsyncLocalStorage.snapshot(), resolve, reject });
      if (!this.grouping) {
        this.grouping = true;
        setImmediate(() => void this.outside(() => this.runGroups()));
      }
    });
  }

  private async runGroups(): Promise<void> {
    while (this.waiting.length > 0) {
      const group = this.waiting.splice(0, MAX_GROUP);
      await this.attempt(group, (work) => this.unitOfWork.runGroup(work)).catch((error: unknown) => this.split(group, error));
    }
    this.grouping = false;
  }

  /** A single item that only waited too long for a lock runs again too, without that limit. */
  private split(group: readonly Waiting<Item, Result>[], error: unknown): void {
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
      void this.attempt([single], (work) => this.unitOfWork.runReserved(work))
        .catch((error: unknown) => single.reject(error))
        .then(() => {
          this.singles -= 1;
          this.startSingles();
        });
    }
  }

  private async attempt(
    group: readonly Waiting<Item, Result>[],
    transaction: <T>(work: (tx: EntityManager) => Promise<T>) => Promise<T>,
  ): Promise<void> {
    const settled = await this.outside(() =>
      transaction(async (tx) => {
        const join = this.unitOfWork.joining();
        const done = await this.work(
          tx,
          group.map(({ item, inContext }) => ({ item, run: (own) => inContext(() => join(own)) })),
        );
        if (done.length !== group.length) {
          throw new Error(`a group of ${group.length} had ${done.length} results`);
        }
        return done.map((result, index) => () => group[index]?.resolve(result));
      }),
    );
    settled.forEach((resolve) => resolve());
  }
}

/**
 * Waits for all of them: work that continued after its group's rollback would take effect on its own.
 * @throws {unknown} the first failure, in their order
 */
export async function allSettled<T>(works: readonly Promise<T>[]): Promise<readonly T[]> {
  const ends = await Promise.allSettled(works);
  return ends.map((end) => {
    if (end.status === 'rejected') {
      throw end.reason;
    }
    return end.value;
  });
}
