import { DomainError, NotFound } from '@rookery/platform';
import type { EntityManager, EntityMetadata } from 'typeorm';
import type { AggregateRoot } from './aggregate-root';
import type { Outbox } from './outbox';
import type { UnitOfWork } from './unit-of-work';

/** 412: the aggregate is not at a version that the caller expects (RFC 9110, 13.1.1). Code `<table>.stale-version`. */
export class StaleVersion extends DomainError {
  constructor(resource: string, current: number) {
    super({
      status: 412,
      code: `${resource}.stale-version`,
      title: 'Stale version',
      detail: `The resource was changed in the meantime; it is at version ${current}.`,
    });
  }
}

/** Changes an aggregate in the transaction that has locked it; `now` is the database's time as that began. */
export type Change<T> = (aggregate: T, tx: EntityManager, now: Date) => void | Promise<void>;

/** Conditions under which an update is done. */
export interface UpdateOptions {
  /** Versions of which the aggregate must be at one; null or absent: any. */
  readonly expectedVersions?: readonly number[] | null;
}

/**
 * Loads and stores one kind of aggregate. `add` and `update` are the only ways to save one, and both write the recorded
 * events to the outbox in the same transaction. Subclasses add their queries.
 *
 * @example
 * @Injectable()
 * class OrderRepository extends AggregateRepository<Order> {
 *   constructor(unitOfWork: UnitOfWork, outbox: Outbox) { super(unitOfWork, outbox, Order); }
 * }
 */
export abstract class AggregateRepository<T extends AggregateRoot> {
  protected constructor(
    protected readonly unitOfWork: UnitOfWork,
    private readonly outbox: Outbox,
    private readonly aggregate: new () => T,
  ) {}

  /** Inserts a new aggregate at version 1 with its events. A violated constraint throws TypeORM's QueryFailedError. */
  async add(aggregate: T): Promise<void> {
    await this.unitOfWork.run(async (tx) => {
      const now = await this.unitOfWork.now();
      aggregate.createdAt = now;
      aggregate.updatedAt = now;
      await tx.insert(this.metadata.target, aggregate);
      await this.outbox.append(tx, aggregate.recorded());
      // Only then: the run may be repeated with the same object.
      this.unitOfWork.afterCommit(() => void aggregate.pullRecorded());
    });
  }

  /**
   * Locks the row, applies the change to the aggregate as it is now, and stores it under the next version together with its
   * events, in one transaction. A change that alters and records nothing leaves the version. Parallel updates of one
   * aggregate happen one after the other. The change gets the database's time, as its transaction began: rules know no other.
   * Returns the aggregate as stored.
   * Throws NotFound, StaleVersion, and whatever the change throws: then nothing is stored.
   */
  async update(id: string, change: Change<T>, { expectedVersions }: UpdateOptions = {}): Promise<T> {
    return this.unitOfWork.run(async (tx) => {
      const { aggregate, now } = await this.lock(tx, id);
      if (expectedVersions && !expectedVersions.includes(aggregate.version)) {
        throw new StaleVersion(this.metadata.tableName, aggregate.version);
      }
      const before = this.columnsOf(aggregate);
      await change(aggregate, tx, now);
      await this.store(tx, aggregate, before, now);
      return aggregate;
    });
  }

  /** The aggregate as it is now, unlocked; null when there is none. */
  async find(id: string): Promise<T | null> {
    return this.query().where('root.id = :id', { id }).getOne();
  }

  /** The aggregate as it is now, unlocked. Throws NotFound. */
  async get(id: string): Promise<T> {
    const aggregate = await this.find(id);
    if (!aggregate) throw this.notFound(id);
    return aggregate;
  }

  /** A query for aggregates under the alias `root`, in the current transaction if there is one. */
  protected query() {
    return this.unitOfWork.manager.createQueryBuilder(this.aggregate, 'root');
  }

  /** The error for an id that is not there; by default code `<table>.<entity>-not-found`. */
  protected notFound(id: string): DomainError {
    const name = this.metadata.name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, '-').toLowerCase();
    return new NotFound(
      `${this.metadata.tableName}.${name}-not-found`,
      `There is no ${name.replaceAll('-', ' ')} ${id}.`,
    );
  }

  private get metadata(): EntityMetadata {
    return this.unitOfWork.manager.dataSource.getMetadata(this.aggregate);
  }

  /** Locks the root alone: Postgres refuses FOR UPDATE on the nullable side of a join. The time comes with it, without a statement of its own. */
  private async lock(tx: EntityManager, id: string): Promise<{ readonly aggregate: T; readonly now: Date }> {
    const { entities, raw } = await tx
      .createQueryBuilder(this.aggregate, 'root')
      .addSelect('now()', 'now')
      .where('root.id = :id', { id })
      .setLock('pessimistic_write')
      .getRawAndEntities<{ now: Date }>();
    const [[aggregate], [row]] = [entities, raw];
    if (!aggregate || !row) throw this.notFound(id);
    return { aggregate, now: row.now };
  }

  private async store(tx: EntityManager, aggregate: T, before: ReadonlyMap<string, string>, now: Date): Promise<void> {
    const changed = [...this.columnsOf(aggregate)].filter(([path, value]) => before.get(path) !== value);
    const events = aggregate.pullRecorded();
    if (changed.length === 0 && events.length === 0) return;
    aggregate.version += 1;
    aggregate.updatedAt = now;
    // An embedded object is written whole, under its own name.
    const properties = new Set(changed.map(([path]) => path.split('.', 1).join('')));
    const values: Record<string, unknown> = { version: aggregate.version, updatedAt: aggregate.updatedAt };
    for (const property of properties) values[property] = Reflect.get(aggregate, property);
    await tx.update(this.metadata.target, aggregate.id, values);
    await this.outbox.append(tx, events);
  }

  /** Each column's value as text, by the property's path: what tells whether a change altered anything. */
  private columnsOf(aggregate: T): ReadonlyMap<string, string> {
    return new Map(
      this.metadata.columns.map((column) => [
        column.propertyPath,
        JSON.stringify([column.getEntityValue(aggregate, true)]),
      ]),
    );
  }
}
