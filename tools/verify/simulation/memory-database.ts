import { AsyncLocalStorage } from 'node:async_hooks';
import { DataSource, type EntityManager } from 'typeorm';
import type { EventEnvelope, StoredEvent } from '@rookery/contracts';
import { Inbox, InboxMetrics, Outbox, type RecordedEvent, UnitOfWork } from '@rookery/persistence';
import { currentContext, Metrics, uuidv7 } from '@rookery/platform';

/** A process ends here: what it had not committed is gone, and nobody hears of it. */
export class Crash extends Error {
  override readonly name = 'Crash';
}

export type CrashPoint = 'before-commit' | 'after-commit';

/** Never connected: a statement that somebody forgot to replace fails instead of going anywhere. */
export const nowhere = new DataSource({ type: 'postgres' });

const inboxMetrics = new InboxMetrics(new Metrics());

/** The one clock of all databases: no rule knows another. */
export class SimulatedClock {
  private time = Date.parse('2026-11-25T00:00:00Z');

  now(): Date {
    return new Date(this.time);
  }

  advance(ms: number): void {
    this.time += ms;
  }
}

/** What a transaction takes back when it fails, and what it does once it has committed. */
interface Transaction {
  readonly undo: (() => void)[];
  readonly afterCommit: (() => void | Promise<void>)[];
  readonly turns: Map<string, Promise<unknown>>;
}

/** One service's database: tables are maps of rows that nobody changes in place; a transaction that fails leaves no trace. */
export class MemoryDatabase {
  private readonly current = new AsyncLocalStorage<Transaction>();
  private last: Promise<unknown> = Promise.resolve();
  private crashPoint: CrashPoint | undefined;

  /** The next transaction ends in a crash there. */
  crashAt(point: CrashPoint | undefined): void {
    this.crashPoint = point;
  }

  /** Transactions come one after the other, as row locks have those of one aggregate do; one inside another joins it. */
  run<T>(work: () => Promise<T>): Promise<T> {
    if (this.current.getStore()) {
      return work();
    }
    const transaction: Transaction = { undo: [], afterCommit: [], turns: new Map() };
    const result = this.last.then(() => this.current.run(transaction, () => this.transact(transaction, work)));
    this.last = result.catch(() => undefined);
    return result;
  }

  /** A function that runs work in the running transaction, from any asynchronous context. */
  joining(): <T>(work: () => Promise<T>) => Promise<T> {
    const transaction = this.current.getStore();
    return (work) => (transaction === undefined ? work() : this.current.run(transaction, work));
  }

  /** Work of the same key in the running transaction comes one after the other. */
  async inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
    const turns = this.current.getStore()?.turns ?? new Map<string, Promise<unknown>>();
    const turn = (turns.get(key) ?? Promise.resolve()).then(work);
    turns.set(
      key,
      turn.catch(() => undefined),
    );
    return turn;
  }

  put<Key, Row>(table: Map<Key, Row>, key: Key, row: Row): void {
    const before = table.get(key);
    this.current.getStore()?.undo.push(() => {
      if (before === undefined) {
        table.delete(key);
      } else {
        table.set(key, before);
      }
    });
    table.set(key, row);
  }

  whenCommitted(callback: () => void | Promise<void>): void {
    this.current.getStore()?.afterCommit.push(callback);
  }

  private async transact<T>({ undo, afterCommit }: Transaction, work: () => Promise<T>): Promise<T> {
    try {
      const result = await work();
      if (this.crashPoint === 'before-commit') {
        throw new Crash();
      }
      // From here on nothing is taken back.
      undo.length = 0;
      if (this.crashPoint === 'after-commit') {
        throw new Crash();
      }
      for (const callback of afterCommit) {
        await callback();
      }
      return result;
    } catch (error) {
      for (const step of undo.reverse()) {
        step();
      }
      throw error;
    }
  }
}

export class MemoryUnitOfWork extends UnitOfWork {
  constructor(
    private readonly database: MemoryDatabase,
    private readonly clock: SimulatedClock,
  ) {
    super(nowhere);
  }

  override async now(): Promise<Date> {
    return this.clock.now();
  }

  override run<T>(work: (tx: EntityManager) => Promise<T>): Promise<T> {
    return this.database.run(() => work(nowhere.manager));
  }

  override runReserved<T>(work: (tx: EntityManager) => Promise<T>): Promise<T> {
    return this.run(work);
  }

  override runGroup<T>(work: (tx: EntityManager) => Promise<T>): Promise<T> {
    return this.run(work);
  }

  override joining(): <T>(work: () => Promise<T>) => Promise<T> {
    return this.database.joining();
  }

  override afterCommit(callback: () => void | Promise<void>): void {
    this.database.whenCommitted(callback);
  }
}

/** A row of the outbox. */
export interface Outgoing {
  readonly message: StoredEvent;
  readonly published: boolean;
}

export class MemoryOutbox extends Outbox {
  readonly rows = new Map<string, Outgoing>();

  constructor(
    private readonly database: MemoryDatabase,
    unitOfWork: UnitOfWork,
    private readonly clock: SimulatedClock,
  ) {
    super(unitOfWork);
  }

  override async append(_tx: EntityManager, events: readonly RecordedEvent[]): Promise<void> {
    const time = this.clock.now();
    for (const { contract, aggregateId, sequence, data } of events) {
      const id = uuidv7();
      const { name, version, producer: source, subject } = contract;
      const { correlationId = id, causationId = null, traceparent = null } = currentContext() ?? {};
      const fact = { id, name, version, source, subject, aggregateId, sequence, data: JSON.stringify(data) };
      const message = { ...fact, time: time.toISOString(), correlationId, causationId, traceparent };
      this.database.put(this.rows, id, { message, published: false });
    }
  }

  protected whenCommitted(callback: () => Promise<void>): void {
    this.database.whenCommitted(callback);
  }

  mark(id: string): void {
    const row = this.rows.get(id);
    if (row) {
      this.database.put(this.rows, id, { ...row, published: true });
    }
  }
}

/** That a service took an event: one per effect. */
export type Taking = Pick<EventEnvelope, 'id' | 'aggregateId' | 'sequence'>;

export class MemoryInbox extends Inbox {
  readonly takings = new Map<number, Taking>();

  constructor(
    private readonly database: MemoryDatabase,
    unitOfWork: UnitOfWork,
    service: string,
  ) {
    super(unitOfWork, service, inboxMetrics);
  }

  override once(event: Taking, effect: (tx: EntityManager) => Promise<void>): Promise<boolean> {
    return this.database.run(async () => {
      if (this.knows(event)) {
        return false;
      }
      const { id, aggregateId, sequence } = event;
      this.database.put(this.takings, this.takings.size, { id, aggregateId, sequence });
      await effect(nowhere.manager);
      return true;
    });
  }

  protected knows({ id }: Taking): boolean {
    return [...this.takings.values()].some((taking) => taking.id === id);
  }
}
