import {
  AuthRpc,
  DeadLetterConsumers,
  DeadLetterRpc,
  type DeadLetterView,
  OrdersRpc,
  OrderView,
  PaymentsRpc,
  ProductsRpc,
  type ProductView,
  ReconciliationRpc,
  type TimelineEntry,
} from '@rookery/contracts';
import { type DomainError, NotFound } from '@rookery/platform';
import { stubRpc, type TestBroker } from '@rookery/testing';
import { stubOrderDiagnosis } from './order-facts';

/** Ids known to the stubs. */
export const productId = '019a5c2e-6f00-7000-8000-00000000000a';
export const orderId = '019a5c2e-6f00-7000-8000-00000000000b';
/** The one dead letter of orders; payments has two, the others have none. */
export const deadLetterId = 'orders-17';
/** An id unknown to all stubs. */
export const unknownId = '019a5c2e-6f00-7000-8000-0000000000ff';

const AT = '2026-11-23T08:00:00.000Z';

export const product: ProductView = {
  id: productId,
  sku: 'NEST-1',
  name: 'Nest',
  description: null,
  category: 'homes',
  price: { amountMinor: 1250, currency: 'EUR' },
  stock: { available: 40 },
  version: 3,
  createdAt: AT,
  updatedAt: AT,
};

/** Parsed, so that a field which the contract fills in needs no line here. */
export const order = OrderView.parse({
  id: orderId,
  status: 'Pending',
  reason: null,
  lines: [{ productId, sku: 'NEST-1', name: 'Nest', quantity: 2, unitPrice: { amountMinor: 1250, currency: 'EUR' } }],
  total: { amountMinor: 2500, currency: 'EUR' },
  version: 1,
  createdAt: AT,
  updatedAt: AT,
});

export const step = (position: number, event: string): TimelineEntry => ({
  position,
  event,
  service: 'orders',
  at: AT,
  attempt: 1,
  causationId: null,
  traceId: '0af7651916cd43dd8448eb211c80319c',
});

export const deadLetter = (position: number, consumer: DeadLetterView['consumer']): DeadLetterView => ({
  id: `${consumer}-${position}`,
  consumer,
  event: 'StockReserved',
  type: 'rookery.StockReserved.v1',
  eventId: unknownId,
  aggregateId: orderId,
  reason: 'bad-schema',
  attempts: 0,
  originalSubject: 'events.products.reservation.stock-reserved.v1',
  originalStream: 'PRODUCTS',
  originalSequence: 4,
  correlationId: 'correlation-1',
  causationId: null,
  at: AT,
  headers: { 'ce-id': unknownId },
});

/** Responses of the stubs; specs change them. */
export interface NeighbourState {
  product: ProductView;
  status: OrderView['status'];
  timeline: TimelineEntry[];
  replayed: boolean;
  /** Delays responses while it is pending. */
  hold: Promise<unknown>;
  /** Delays the response of products to an order's diagnosis while it is pending. */
  silent: Promise<unknown>;
  failure: DomainError | undefined;
}

/** The four services from the gateway's point of view, with the product and the order above. */
export async function startNeighbours(broker: TestBroker) {
  const state: NeighbourState = {
    product,
    status: 'Pending',
    timeline: [step(1, 'OrderCreated')],
    replayed: false,
    hold: Promise.resolve(),
    silent: Promise.resolve(),
    failure: undefined,
  };
  const answer = async <T>(id: string, known: string, view: () => T): Promise<T> => {
    await state.hold;
    if (state.failure !== undefined) {
      throw state.failure;
    }
    if (id !== known) {
      throw new NotFound('test.not-found', 'There is no such thing.');
    }
    return view();
  };
  const orderNow = (): OrderView => ({ ...order, status: state.status });
  const page = <T>(item: T) => ({ items: [item], nextCursor: null });

  const stubs = {
    listProducts: await stubRpc(broker, ProductsRpc.list, async () => {
      const now = page(state.product);
      await state.hold;
      return now;
    }),
    getProduct: await stubRpc(broker, ProductsRpc.get, ({ id }) => {
      // Read before the delay, as from a database: a slow response is an old one.
      const now = state.product;
      return answer(id, productId, () => now);
    }),
    createProduct: await stubRpc(broker, ProductsRpc.create, () => product),
    changeProduct: await stubRpc(broker, ProductsRpc.change, ({ id }) =>
      answer(id, productId, () => ({ ...product, version: 4 })),
    ),
    archiveProduct: await stubRpc(broker, ProductsRpc.archive, ({ id }) => answer(id, productId, () => ({}))),
    adjustStock: await stubRpc(broker, ProductsRpc.adjustStock, ({ id }) => answer(id, productId, () => product)),
    placeOrder: await stubRpc(broker, OrdersRpc.place, () =>
      answer(orderId, orderId, () => ({ order: orderNow(), replayed: state.replayed })),
    ),
    listOrders: await stubRpc(broker, OrdersRpc.list, () => page(orderNow())),
    getOrder: await stubRpc(broker, OrdersRpc.get, ({ id }) => answer(id, orderId, orderNow)),
    timeline: await stubRpc(broker, OrdersRpc.timeline, ({ id, after }) =>
      answer(id, orderId, () => ({
        status: state.status,
        items: state.timeline.filter(({ position }) => position > after),
      })),
    ),
    cancelOrder: await stubRpc(broker, OrdersRpc.cancel, ({ id }) => answer(id, orderId, orderNow)),
    listPayments: await stubRpc(broker, PaymentsRpc.list, () => ({
      items: [{ id: unknownId, orderId, status: 'Reserved' as const, amount: order.total, createdAt: AT }],
    })),
    listDeadLetters: await Promise.all(
      DeadLetterConsumers.map((consumer) =>
        stubRpc(broker, DeadLetterRpc[consumer].list, async ({ after, limit }) => {
          await state.hold;
          const positions = { auth: [], orders: [17], payments: [2, 5], products: [] }[consumer];
          const letters = positions.filter((at) => at > after).map((position) => deadLetter(position, consumer));
          return { items: letters.slice(0, limit) };
        }),
      ),
    ),
    showDeadLetter: await stubRpc(broker, DeadLetterRpc.orders.show, ({ id }) =>
      answer(id, deadLetterId, () => ({ ...deadLetter(17, 'orders'), encoding: 'json' as const, data: {} })),
    ),
    replayDeadLetter: await stubRpc(broker, DeadLetterRpc.orders.replay, ({ id }) =>
      answer(id, deadLetterId, () => ({ id, outcome: 'handled' as const, reason: null })),
    ),
    discardDeadLetter: await stubRpc(broker, DeadLetterRpc.orders.discard, ({ id }) =>
      answer(id, deadLetterId, () => ({})),
    ),
    reconcile: await stubRpc(broker, ReconciliationRpc.reconcile, async () => {
      await state.hold;
      return { from: AT, to: AT, orders: 1, inFlight: 0, products: 1, differences: [], total: 0, next: null };
    }),
    ...(await stubOrderDiagnosis(broker, orderId, () => state.silent)),
    register: await stubRpc(broker, AuthRpc.register, ({ email, name = 'Wren' }) => ({
      id: unknownId,
      email,
      name,
      createdAt: AT,
    })),
  };
  return { state, stubs };
}

export type Neighbours = Awaited<ReturnType<typeof startNeighbours>>;
