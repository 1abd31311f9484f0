import { PATTERN_METADATA } from '@nestjs/microservices/constants.js';
import type { Service } from '@rookery/contracts';
import { Searches } from '@rookery/persistence';
import { Cursors } from '@rookery/platform';
import { TokenSealer } from '@rookery/security';
import { DeadlineSweeper } from '../../../apps/orders/src/deadline/deadline-sweeper';
import { OrderConsumer } from '../../../apps/orders/src/order/order.consumer';
import { OrderService } from '../../../apps/orders/src/order/order.service';
import { PaymentConsumer } from '../../../apps/payments/src/payment/payment.consumer';
import { PaymentService } from '../../../apps/payments/src/payment/payment.service';
import { PaymentWorker } from '../../../apps/payments/src/payment/payment.worker';
import { ProviderCaller } from '../../../apps/payments/src/payment/provider-caller';
import { ReservationConsumer } from '../../../apps/products/src/reservation/reservation.consumer';
import { ReservationService } from '../../../apps/products/src/reservation/reservation.service';
import { StockChangeNotifier } from '../../../apps/products/src/stock/stock-change-notifier';
import type { Bank } from './bank';
import { MemoryDatabase, MemoryInbox, MemoryOutbox, MemoryUnitOfWork, type SimulatedClock } from './memory-database';
import { MemoryOrders } from './memory-orders';
import { MemoryAttempts, MemoryPayments } from './memory-payments';
import { MemoryReservations, MemoryStock } from './memory-products';

/** The services of the saga, and what a mutant replaces of them. */
export const parts = {
  inbox: MemoryInbox,
  outbox: MemoryOutbox,
  orders: MemoryOrders,
  payments: MemoryPayments,
  stock: MemoryStock,
  attempts: MemoryAttempts,
  sweeper: DeadlineSweeper,
};
export type Parts = typeof parts;

type Handler = (event: unknown) => Promise<void>;

/** One service without broker and database: its database's tables, and what it does with events. */
export interface SimulatedService {
  readonly name: Service;
  readonly database: MemoryDatabase;
  readonly outbox: MemoryOutbox;
  readonly inbox: MemoryInbox;
  /** By the subject of their event. */
  readonly handlers: ReadonlyMap<string, Handler>;
}

const SECRET = Buffer.alloc(32).toString('base64url');

/** Sealing is tried elsewhere, and takes turns of the event loop that no schedule would know of. */
class OpenSealer extends TokenSealer {
  constructor() {
    super(SECRET);
  }

  override async open(sealed: string): Promise<string> {
    return sealed;
  }
}

/** What every service has. */
function baseOf<Name extends Service>(name: Name, clock: SimulatedClock, { inbox: InboxOf, outbox: OutboxOf }: Parts) {
  const database = new MemoryDatabase();
  const unitOfWork = new MemoryUnitOfWork(database, clock);
  const outbox = new OutboxOf(database, unitOfWork, clock);
  return { name, database, unitOfWork, outbox, inbox: new InboxOf(database, unitOfWork, name) };
}

export function ordersService(clock: SimulatedClock, replaced: Parts) {
  const { orders: OrdersOf, sweeper: SweeperOf } = replaced;
  const base = baseOf('orders', clock, replaced);
  const { database, unitOfWork, outbox, inbox } = base;
  const repository = new OrdersOf(database, unitOfWork, outbox, clock);
  const orders = new OrderService(repository, inbox, new Searches(unitOfWork, 'orders'), new Cursors(SECRET, 'orders'));
  const sweeper = new SweeperOf(repository, unitOfWork);
  return { ...base, handlers: handlersOf(new OrderConsumer(orders)), repository, orders, sweeper };
}

export function paymentsService(clock: SimulatedClock, bank: Bank, replaced: Parts) {
  const { payments: PaymentsOf, attempts: AttemptsOf } = replaced;
  const base = baseOf('payments', clock, replaced);
  const { database, unitOfWork, outbox, inbox } = base;
  const repository = new PaymentsOf(database, unitOfWork, outbox, clock);
  const attempts = new AttemptsOf(repository, clock);
  const operator = new ProviderCaller(unitOfWork, repository, attempts, bank, new OpenSealer());
  // Only what it is woken by: the schedule claims, so that it decides when.
  const worker = new PaymentWorker(attempts, operator);
  const handlers = handlersOf(new PaymentConsumer(inbox, new PaymentService(unitOfWork, repository, worker)));
  return { ...base, handlers, repository, attempts, operator };
}

export function productsService(clock: SimulatedClock, units: Readonly<Record<string, number>>, replaced: Parts) {
  const base = baseOf('products', clock, replaced);
  const { database, unitOfWork, outbox, inbox } = base;
  const repository = new MemoryReservations(database, unitOfWork, outbox, clock);
  const stock = new replaced.stock(database, units);
  // Nobody keeps products here.
  const notifier = new StockChangeNotifier(unitOfWork, () => undefined);
  const reservations = new ReservationService(unitOfWork, repository, stock, notifier);
  return { ...base, handlers: handlersOf(new ReservationConsumer(inbox, reservations)), repository, stock };
}

/** As Nest finds them: by what `@OnEvent` left on the methods. */
function handlersOf(controller: object): ReadonlyMap<string, Handler> {
  const prototype: unknown = Object.getPrototypeOf(controller);
  const handlers = new Map<string, Handler>();
  if (typeof prototype !== 'object' || prototype === null) {
    return handlers;
  }
  for (const name of Object.getOwnPropertyNames(prototype)) {
    const method: unknown = Reflect.get(prototype, name);
    if (typeof method !== 'function') {
      continue;
    }
    const pattern: unknown = Reflect.getMetadata(PATTERN_METADATA, method);
    if (!Array.isArray(pattern)) {
      continue;
    }
    for (const subject of pattern) {
      handlers.set(String(subject), async (event) => {
        await Reflect.apply(method, controller, [event]);
      });
    }
  }
  return handlers;
}
