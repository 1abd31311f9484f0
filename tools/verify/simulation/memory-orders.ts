import { Nats } from '@rookery/messaging';
import type { Change, Outbox, UnitOfWork } from '@rookery/persistence';
import { Order } from '../../../apps/orders/src/order/order.entity';
import { OrderRepository } from '../../../apps/orders/src/order/order.repository';
import { type MemoryDatabase, nowhere, type SimulatedClock } from './memory-database';
import { Rows } from './memory-rows';

/** Satisfies a constructor; every use fails. */
function noBroker(): Nats {
  const nats: unknown = Object.create(Nats.prototype);
  if (nats instanceof Nats) {
    return nats;
  }
  throw new Error('the prototype makes the instance');
}

export class MemoryOrders extends OrderRepository {
  readonly table: Rows<Order>;
  /** Steps of each order's timeline by the name of their event. */
  readonly timelines = new Map<string, readonly string[]>();

  constructor(
    private readonly database: MemoryDatabase,
    unitOfWork: UnitOfWork,
    outbox: Outbox,
    private readonly clock: SimulatedClock,
  ) {
    super(unitOfWork, outbox, nowhere, noBroker());
    this.table = new Rows(database, outbox, clock, Order);
  }

  override add(order: Order): Promise<void> {
    return this.database.run(async () => {
      this.writeTimeline(order);
      await this.table.insert(order);
    });
  }

  override update(id: string, change: Change<Order>): Promise<Order> {
    const withTimeline: Change<Order> = async (order, tx, now) => {
      await change(order, tx, now);
      this.writeTimeline(order);
    };
    return this.table.update(id, withTimeline, () => this.notFound());
  }

  override async lockOverdue(limit: number, except: readonly string[]): Promise<readonly string[]> {
    const now = this.clock.now();
    const pending = [...this.table.rows.values()].filter(
      (order) => !order.isTerminal && order.deadlineAt <= now && !except.includes(order.id),
    );
    return pending.slice(0, limit).map((order) => order.id);
  }

  private writeTimeline(order: Order): void {
    const steps = [
      ...order.recordedSteps().map(({ event }) => event),
      ...order.recorded().map(({ contract }) => contract.name),
    ];
    this.database.put(this.timelines, order.id, [...(this.timelines.get(order.id) ?? []), ...steps]);
  }
}
