import type { EntityManager, EntityMetadata } from 'typeorm';
import { DomainError, NotFound } from '@rookery/platform';
import type { AggregateRoot, RecordedEvent } from './aggregate-root';
import { AggregateStatements, type LockedRow } from './aggregate-statements';
import type { Outbox } from './outbox';
import { SharedStatement } from './shared-statement';
import type { UnitOfWork } from './unit-of-work';
import { writeRowLater } from './write-later';

/** 412: the aggregate is at a version that the caller does not expect (RFC 9110, 13.1.1). Code `<table>.stale-version`. */
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

/** Changes an aggregate in the transaction that has locked it. `now` is the database's time at the start of the transaction. */
export type Change<T> = (aggregate: T, tx: EntityManager, now: Date) => void | Promise<void>;

/** Preconditions of an update. */
export interface UpdateOptions {
  /**
   * Accepted versions of the aggregate; null for any.
   * @default null
   */
  readonly expectedVersions?: readonly number[] | null;
}

/**
 * Loads and stores one kind of aggregate. `add` and `update` are the only ways to save one. Both write the recorded events to the outbox
 * in the same transaction. Subclasses add their queries, and rows of their own through `stored`.
 *
 * @example
 * \@Injectable()
 * class OrderRepository extends AggregateRepository<Order> {
 *   constructor(unitOfWork: UnitOfWork, outbox: Outbox) { super(unitOfWork, outbox, Order); }
 * }
 */
export abstract class AggregateRepository<T extends AggregateRoot> {
  private made: AggregateStatements<T> | undefined;
  private readonly locked = new SharedStatement<string, LockedRow | undefined>(async (tx, ids) => {
    const rows = await tx.query<LockedRow[]>(this.statements().lock, [ids]);
    const byId = new Map(rows.map((row) => [row['id'], row]));
    return ids.map((id) => byId.get(id.toLowerCase()));
  });
  private readonly inserted = new SharedStatement<T, void>(async (tx, aggregates) => {
    const { text, values } = this.statements().insert(aggregates);
    await tx.query(text, values);
    return aggregates.map(() => undefined);
  });

  protected constructor(
    protected readonly unitOfWork: UnitOfWork,
    private readonly outbox: Outbox,
    private readonly aggregate: new () => T,
  ) {}

  /**
   * Inserts a new aggregate at version 1 with its events.
   * @throws {QueryFailedError} when a constraint is violated
   */
  async add(aggregate: T): Promise<void> {
    await this.unitOfWork.run(async (tx) => {
      const now = await this.unitOfWork.now();
      aggregate.createdAt = now;
      aggregate.updatedAt = now;
      await this.inserted.run(tx, aggregate);
      await this.outbox.append(tx, aggregate.recorded());
      await this.stored?.(tx, aggregate, aggregate.recorded(), now);
      // Not earlier, because the run may be repeated with the same object.
      this.unitOfWork.afterCommit(() => void aggregate.pullRecorded());
    });
  }

  /**
   * In one transaction: locks the row, applies the change to the current aggregate, and stores it under the next version with its events. A
   * change that alters nothing and records no event keeps the version. Concurrent updates of one aggregate run one after the other. The
   * change receives the database's time at the start of the transaction; rules use no other clock. Nothing is stored when the change throws.
   * @returns the stored aggregate
   * @throws {NotFound} when the aggregate does not exist
   * @throws {StaleVersion} when it is at none of the expected versions
   */
  async update(id: string, change: Change<T>, { expectedVersions }: UpdateOptions = {}): Promise<T> {
    return this.unitOfWork.run((tx) =>
      this.unitOfWork.inTurn(`${this.metadata.tableName}:${id}`, () =>
        this.lockAndChange(tx, id, change, expectedVersions),
      ),
    );
  }

  /** The current aggregate without a lock, or null. */
  async find(id: string): Promise<T | null> {
    return this.query().where('root.id = :id', { id }).getOne();
  }

  /**
   * The current aggregate without a lock.
   * @throws {NotFound}
   */
  async get(id: string): Promise<T> {
    const aggregate = await this.find(id);
    if (!aggregate) {
      throw this.notFound(id);
    }
    return aggregate;
  }

  /**
   * Called in the transaction of each `add` and `update`, to write further rows of the aggregate.
   * @param events recorded by this change, oldest first
   * @param now the database's time at the start of the transaction
   */
  protected stored?(tx: EntityManager, aggregate: T, events: readonly RecordedEvent[], now: Date): Promise<void>;

  /** A query for aggregates under the alias `root`, in the current transaction if there is one. */
  protected query() {
    return this.unitOfWork.manager.createQueryBuilder(this.aggregate, 'root');
  }

  /**
   * The error for an unknown id.
   * @default code `<table>.<entity>-not-found`
   */
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

  private statements(): AggregateStatements<T> {
    this.made ??= new AggregateStatements(this.metadata, this.unitOfWork.manager.dataSource);
    return this.made;
  }

  private async lockAndChange(
    tx: EntityManager,
    id: string,
    change: Change<T>,
    expectedVersions: UpdateOptions['expectedVersions'],
  ): Promise<T> {
    const statements = this.statements();
    const found = await this.locked.run(tx, id);
    if (found === undefined) {
      throw this.notFound(id);
    }
    const aggregate = statements.aggregateOf(new this.aggregate(), found);
    const now = statements.timeOf(found);
    if (expectedVersions && !expectedVersions.includes(aggregate.version)) {
      throw new StaleVersion(this.metadata.tableName, aggregate.version);
    }
    const before = statements.snapshotOf(aggregate);
    await change(aggregate, tx, now);
    const events = aggregate.pullRecorded();
    const changes = statements.changesOf(aggregate, before);
    if (events.length > 0 || changes.length > 0) {
      aggregate.version += 1;
      aggregate.updatedAt = now;
      const { text, row } = statements.update(aggregate, changes);
      await writeRowLater(tx, text, row);
      await this.outbox.append(tx, events);
    }
    // Under the row lock, so that the rows of subclasses become visible in the order of their numbers.
    await this.stored?.(tx, aggregate, events, now);
    return aggregate;
  }
}
