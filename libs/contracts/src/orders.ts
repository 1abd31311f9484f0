import { z } from 'zod';
import { defineEvent } from './event';
import { ExpectedMoney, Money } from './money';
import { Cursor, PageLimit, pageOf } from './page';
import { Id, Quantity, Timestamp, Version } from './primitives';
import { defineRpc } from './rpc';

/** An order begins as Pending; Confirmed and Canceled are terminal. */
export const OrderStatuses = ['Pending', 'Confirmed', 'Canceled'] as const;
export const OrderStatus = z.enum(OrderStatuses).meta({ id: 'OrderStatus' });
export type OrderStatus = z.infer<typeof OrderStatus>;

/** Why an order was canceled. */
export const CancellationReasons = [
  'payment-declined',
  'insufficient-funds',
  'payment-error',
  'out-of-stock',
  'product-unavailable',
  'deadline-exceeded',
  'customer-request',
  'operator-request',
] as const;
export const CancellationReason = z.enum(CancellationReasons).meta({ id: 'CancellationReason' });
export type CancellationReason = z.infer<typeof CancellationReason>;

/** Most lines of one order. */
export const MAX_ORDER_LINES = 100;

/** What the customer pays with: a token of the payment provider, never a card number. */
export const PaymentToken = z
  .string()
  .regex(/^tok_[a-z0-9_]{1,60}$/, 'must be a payment token')
  .describe(
    'What the payment provider gave the customer for a means of payment. The simulated provider knows `tok_ok`, `tok_declined`, `tok_insufficient_funds`, `tok_timeout_then_ok` (it charged, its answer was lost), `tok_slow` and `tok_error`.',
  );

export const PlaceOrder = z
  .strictObject({
    lines: z
      .array(z.strictObject({ productId: Id, quantity: Quantity }))
      .min(1)
      .max(MAX_ORDER_LINES)
      .refine(
        (lines) => new Set(lines.map((line) => line.productId.toLowerCase())).size === lines.length,
        'must name each product once',
      ),
    paymentToken: PaymentToken,
    /** The total shown to the customer. The order is refused when prices have changed since. */
    expectedTotal: ExpectedMoney.optional(),
  })
  .meta({ id: 'PlaceOrder' });
export type PlaceOrder = z.infer<typeof PlaceOrder>;

export const OrderLineView = z
  .object({ productId: Id, sku: z.string(), name: z.string(), quantity: Quantity, unitPrice: Money })
  .meta({ id: 'OrderLine' });
export type OrderLineView = z.infer<typeof OrderLineView>;

export const OrderView = z
  .object({
    id: Id,
    status: OrderStatus,
    reason: CancellationReason.nullable(),
    lines: z.array(OrderLineView),
    total: Money,
    version: Version,
    createdAt: Timestamp,
    updatedAt: Timestamp,
  })
  .meta({ id: 'Order' });
export type OrderView = z.infer<typeof OrderView>;

export const OrderPage = pageOf('OrderPage', OrderView);
export type OrderPage = z.infer<typeof OrderPage>;

/** Query string of `GET /v1/orders`; newest first. */
export const ListOrders = z.strictObject({
  status: OrderStatus.optional(),
  limit: PageLimit.default(20),
  cursor: Cursor.optional(),
});
export type ListOrders = z.infer<typeof ListOrders>;

/** One step of the saga as orders saw it. */
export const TimelineEntry = z
  .object({
    /** Position in the timeline: grows, not necessarily by one. Also the id of the live event. */
    position: z.int().min(1),
    event: z.string(),
    service: z.string(),
    at: Timestamp,
    /** Number of deliveries needed, starting at 1. */
    attempt: z.int().min(1),
    causationId: z.string().nullable(),
    traceId: z.string().nullable(),
  })
  .meta({ id: 'TimelineEntry' });
export type TimelineEntry = z.infer<typeof TimelineEntry>;

export const Timeline = z.object({ items: z.array(TimelineEntry) }).meta({ id: 'Timeline' });
export type Timeline = z.infer<typeof Timeline>;

/** Subject of change notifications, without guarantee, for an order's timeline. Live streams then read the timeline. */
export const orderNotificationSubject = (orderId: string): string => `live.orders.${orderId}`;

export const OrdersRpc = {
  place: defineRpc({
    service: 'orders',
    name: 'place',
    kind: 'command',
    idempotency: 'key',
    scopes: ['orders:write'],
    request: PlaceOrder,
    /** `replayed`: the idempotency key had been used before, and this is the stored answer. */
    response: z.object({ order: OrderView, replayed: z.boolean() }),
    summary: 'Places an order, once per idempotency key',
  }),
  list: defineRpc({
    service: 'orders',
    name: 'list',
    kind: 'query',
    scopes: ['orders:read'],
    request: z.strictObject({ ...ListOrders.shape, limit: z.int().min(1).max(100) }),
    response: OrderPage,
    summary: 'A page of the caller’s orders; of all orders for an operator',
  }),
  get: defineRpc({
    service: 'orders',
    name: 'get',
    kind: 'query',
    scopes: ['orders:read'],
    request: z.strictObject({ id: Id }),
    response: OrderView,
    summary: 'One order the caller may see',
  }),
  timeline: defineRpc({
    service: 'orders',
    name: 'timeline',
    kind: 'query',
    scopes: ['orders:read'],
    /** Entries after this position only; 0 for all. */
    request: z.strictObject({ id: Id, after: z.int().min(0).default(0) }),
    response: z.object({ status: OrderStatus, items: z.array(TimelineEntry) }),
    summary: 'The saga’s steps of one order the caller may see',
  }),
  cancel: defineRpc({
    service: 'orders',
    name: 'cancel',
    kind: 'command',
    idempotency: 'key',
    scopes: ['orders:write'],
    request: z.strictObject({ id: Id }),
    response: OrderView,
    summary: 'Cancels an order that is still Pending',
  }),
} as const;

export const OrderCreated = defineEvent({
  name: 'OrderCreated',
  version: 1,
  producer: 'orders',
  aggregate: 'order',
  handledBy: [
    'payments',
    'products',
    'auth', // part:mails
  ],
  data: z.object({
    orderId: Id,
    /** Subject of the customer's access token. */
    customerId: z.string(),
    lines: z.array(z.object({ productId: Id, quantity: Quantity })),
    total: Money,
    /** The payment token as a compact JWE under the key that orders and payments share: no event carries it in clear. */
    sealedPaymentToken: z.string(),
  }),
  summary: 'An order was placed and is Pending',
});
export const OrderConfirmed = defineEvent({
  name: 'OrderConfirmed',
  version: 1,
  producer: 'orders',
  aggregate: 'order',
  handledBy: [
    'payments',
    'products',
    'auth', // part:mails
  ],
  data: z.object({ orderId: Id }),
  summary: 'Funds and stock of an order are reserved; it will be delivered',
});
export const OrderCanceled = defineEvent({
  name: 'OrderCanceled',
  version: 1,
  producer: 'orders',
  aggregate: 'order',
  handledBy: [
    'payments',
    'products',
    'auth', // part:mails
  ],
  data: z.object({ orderId: Id, reason: CancellationReason }),
  summary: 'An order ended without being delivered; what was reserved for it is given back',
});
