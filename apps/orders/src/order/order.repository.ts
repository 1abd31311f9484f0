import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager, MoreThan } from 'typeorm';
import { orderNotificationSubject, type OrderStatus } from '@rookery/contracts';
import { Nats } from '@rookery/messaging';
import { AggregateRepository, Outbox, type RecordedEvent, UnitOfWork, writeBuiltLater } from '@rookery/persistence';
import { currentContext, traceIdOf } from '@rookery/platform';
import { Order } from './order.entity';
import { OrderNotFound } from './order.errors';
import { TimelineRow } from './timeline-row.entity';

/** The filter of a list of orders. */
export interface OrderFilter {
  /** Null: every customer's orders. */
  readonly customerId: string | null;
  readonly status: OrderStatus | null;
}

/** Orders with their timelines: each change is saved with its steps, and live streams are notified after the commit. */
@Injectable()
export class OrderRepository extends AggregateRepository<Order> {
  constructor(
    unitOfWork: UnitOfWork,
    outbox: Outbox,
    private readonly dataSource: DataSource,
    private readonly nats: Nats,
  ) {
    super(unitOfWork, outbox, Order);
  }

  /** Newest first, from below the given id. Ids are UUID v7: their order is the order of creation. */
  newestBefore(id: string | null, { customerId, status }: OrderFilter, limit: number): Promise<Order[]> {
    const query = this.query().limit(limit);
    if (customerId !== null) {
      query.andWhere('root.customerId = :customerId', { customerId });
    }
    if (status !== null) {
      // An array of one value, and part of the order: only the indexes with the status have this order. With an equality the planner may read
      // the orders by id and filter, which is all of them when the newest have another status.
      query.andWhere('root.status = ANY (:statuses)', { statuses: [status] }).orderBy('root.status', 'DESC');
    }
    if (id !== null) {
      query.andWhere('root.id < :id', { id });
    }
    return query.addOrderBy('root.id', 'DESC').getMany();
  }

  /**
   * Locks Pending orders at or past their deadline by the database's time, longest overdue first, until the current run ends, and returns
   * their ids. Orders that another transaction has locked are skipped, as are the excepted ones.
   */
  async lockOverdue(limit: number, except: readonly string[]): Promise<readonly string[]> {
    const orders = await this.query()
      .select('root.id')
      .where(`root.status = 'Pending' AND root.deadlineAt <= now()`)
      .andWhere('NOT root.id = ANY(:except)', { except })
      .orderBy('root.deadlineAt')
      .limit(limit)
      .setLock('pessimistic_write')
      .setOnLocked('skip_locked')
      .getMany();
    return orders.map((order) => order.id);
  }

  /** An order and its steps after a position, in one snapshot: a terminal status comes with its step. */
  findWithTimeline(id: string, after: number): Promise<{ readonly order: Order | null; readonly rows: TimelineRow[] }> {
    return this.dataSource.transaction('REPEATABLE READ', async (tx) => ({
      order: await tx.findOneBy(Order, { id }),
      rows: await tx.find(TimelineRow, {
        where: { orderId: id, position: MoreThan(after) },
        order: { position: 'ASC' },
      }),
    }));
  }

  protected override async stored(
    tx: EntityManager,
    order: Order,
    events: readonly RecordedEvent[],
    now: Date,
  ): Promise<void> {
    const context = currentContext();
    const own = events.map(({ contract }) => ({
      event: contract.name,
      service: contract.producer,
      at: now,
      attempt: 1,
      causationId: context?.causationId ?? null,
      traceId: traceIdOf(context?.traceparent),
    }));
    const steps = [...order.recordedSteps(), ...own];
    if (steps.length === 0) {
      return;
    }
    await writeBuiltLater(
      tx,
      tx
        .createQueryBuilder()
        .insert()
        .into(TimelineRow)
        .values(steps.map((step) => ({ ...step, orderId: order.id })))
        .updateEntity(false),
    );
    this.unitOfWork.afterCommit(() => this.nats.notify(orderNotificationSubject(order.id)));
  }

  protected override notFound(): OrderNotFound {
    return new OrderNotFound();
  }
}
