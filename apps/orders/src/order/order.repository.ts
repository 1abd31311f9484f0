import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager, MoreThan } from 'typeorm';
import { orderNotificationSubject, type OrderStatus } from '@rookery/contracts';
import { Nats } from '@rookery/messaging';
import { AggregateRepository, Outbox, type RecordedEvent, UnitOfWork, writeRowLater } from '@rookery/persistence';
import { currentContext, traceIdOf } from '@rookery/platform';
import { Order } from './order.entity';
import { OrderNotFound } from './order.errors';
import { TimelineRow } from './timeline-row.entity';

const STEP_COLUMNS = 'order_id, event, service, at, attempt, causation_id, trace_id';
/** The database assigns the positions, in the order of the steps. */
const INSERT_STEPS = `INSERT INTO order_timeline (${STEP_COLUMNS})
  SELECT ${STEP_COLUMNS} FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::integer[], $6::text[], $7::text[])
    WITH ORDINALITY AS step (${STEP_COLUMNS}, place) ORDER BY place`;

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
    for (const { event, service, at, attempt, causationId, traceId } of steps) {
      await writeRowLater(tx, INSERT_STEPS, [order.id, event, service, at, attempt, causationId, traceId]);
    }
    this.unitOfWork.afterCommit(() => this.nats.notify(orderNotificationSubject(order.id)));
  }

  protected override notFound(): OrderNotFound {
    return new OrderNotFound();
  }
}
