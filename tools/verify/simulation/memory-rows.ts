import { getMetadataArgsStorage } from 'typeorm';
import type { AggregateRoot, Change, Outbox } from '@rookery/persistence';
import { type MemoryDatabase, nowhere, type SimulatedClock } from './memory-database';

/** One kind of aggregate: a row has the mapped columns and nothing else, and who loads one gets a copy. */
export class Rows<T extends AggregateRoot> {
  readonly rows = new Map<string, T>();
  private readonly columns: readonly string[];

  constructor(
    private readonly database: MemoryDatabase,
    private readonly outbox: Outbox,
    private readonly clock: SimulatedClock,
    private readonly aggregate: new () => T,
  ) {
    const family = new Set<unknown>([aggregate, Object.getPrototypeOf(aggregate)]);
    const mapped = getMetadataArgsStorage().columns.filter(({ target }) => family.has(target));
    this.columns = mapped.map(({ propertyName }) => propertyName);
  }

  load(id: string): T | null {
    const row = this.rows.get(id);
    return row ? this.copy(row) : null;
  }

  put(aggregate: T): void {
    this.database.put(this.rows, aggregate.id, this.copy(aggregate));
  }

  /** The first row of an aggregate, with its events. */
  async insert(aggregate: T): Promise<void> {
    aggregate.createdAt = this.clock.now();
    await this.write(aggregate);
  }

  /** Changes one aggregate in a transaction, with its events. */
  update(id: string, change: Change<T>, missing: () => Error): Promise<T> {
    return this.database.run(() => this.database.inTurn(id, () => this.change(id, change, missing)));
  }

  private async change(id: string, change: Change<T>, missing: () => Error): Promise<T> {
    const aggregate = this.load(id);
    if (aggregate === null) {
      throw missing();
    }
    await change(aggregate, nowhere.manager, this.clock.now());
    aggregate.version += 1;
    await this.write(aggregate);
    return aggregate;
  }

  private async write(aggregate: T): Promise<void> {
    aggregate.updatedAt = this.clock.now();
    this.put(aggregate);
    await this.outbox.append(nowhere.manager, aggregate.pullRecorded());
  }

  private copy(row: T): T {
    const copy = new this.aggregate();
    for (const column of this.columns) {
      Reflect.set(copy, column, Reflect.get(row, column));
    }
    return copy;
  }
}
