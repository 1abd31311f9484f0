import {
  AccountView,
  AdjustStock,
  ChangeProduct,
  CreateProduct,
  MeView,
  OrderDiagnosis,
  OrderView,
  PaymentView,
  PlaceOrder,
  ProductView,
  Reconcile,
  RegisterAccount,
  TimelineEntry,
} from '@rookery/contracts';
import type { z } from 'zod';

/** Placeholder of a product's id; Swagger UI replaces it with a real one. */
export const exampleProductId = '019a5c2e-6f00-7000-8000-000000000001';

/** A valid Idempotency-Key. */
export const idempotencyKeyExample = '8e03978e-40d5-43e8-bc93-6894a57f9324';

const orderId = '019a5c2e-6f00-7000-8000-00000000000b';
const at = '2026-11-23T08:00:00.000Z';
const price = { amountMinor: 1250, currency: 'EUR' };
const description = 'Untreated larch, for tits and sparrows.';

/** An example value of a contract in the document. */
export interface Example {
  readonly schema: z.ZodType;
  readonly value: unknown;
}

/** The compiler checks each value against its contract. */
const example = <Schema extends z.ZodType>(schema: Schema, value: z.input<Schema>): Example => ({ schema, value });

/** Examples that the document shows instead of `string` and `0`; "Try it out" sends them unchanged. */
export const examples: readonly Example[] = [
  example(PlaceOrder, { lines: [{ productId: exampleProductId, quantity: 1 }], paymentToken: 'tok_ok' }),
  example(CreateProduct, { sku: 'BOX-0042', name: 'Nest box', description, category: 'homes', price, stock: 40 }),
  example(ChangeProduct, { description }),
  example(AdjustStock, { delta: 10, reason: 'delivery' }),
  example(RegisterAccount, { email: 'wren@example.com', password: 'three eggs in a nest', name: 'Wren' }),
  example(Reconcile, { since: at }),
  example(ProductView, {
    id: exampleProductId,
    sku: 'BOX-0042',
    name: 'Nest box',
    description,
    category: 'homes',
    price,
    stock: { available: 40 },
    version: 1,
    createdAt: at,
    updatedAt: at,
  }),
  example(OrderView, {
    id: orderId,
    status: 'Pending',
    reason: null,
    lines: [{ productId: exampleProductId, sku: 'BOX-0042', name: 'Nest box', quantity: 1, unitPrice: price }],
    total: price,
    version: 1,
    createdAt: at,
    updatedAt: at,
  }),
  example(TimelineEntry, {
    position: 2,
    event: 'PaymentReserved',
    service: 'payments',
    at,
    attempt: 1,
    causationId: '019a5c2e-6f00-7000-8000-00000000000c',
    traceId: '0af7651916cd43dd8448eb211c80319c',
  }),
  example(PaymentView, {
    id: '019a5c2e-6f00-7000-8000-00000000000d',
    orderId,
    status: 'Captured',
    amount: price,
    createdAt: at,
  }),
  example(AccountView, {
    id: '019a5c2e-6f00-7000-8000-00000000000e',
    email: 'wren@example.com',
    name: 'Wren',
    createdAt: at,
  }),
  example(MeView, {
    subject: '019a5c2e-6f00-7000-8000-00000000000e',
    clientId: 'rookery-swagger',
    roles: ['customer'],
    scopes: ['orders:read', 'orders:write'],
  }),
  example(OrderDiagnosis, {
    id: orderId,
    waitsFor: 'payments has not taken OrderCreated, published 40 s ago',
    order: {
      status: 'Pending',
      reason: null,
      createdAt: at,
      updatedAt: at,
      deadlineAt: '2026-11-23T08:01:00.000Z',
      paymentReservedAt: null,
      stockReservedAt: null,
    },
    payment: null,
    reservation: { status: 'Awaiting', linesKnown: true, paid: false, createdAt: at, updatedAt: at },
    services: [
      { service: 'orders', answered: true, problem: null },
      { service: 'payments', answered: true, problem: null },
      { service: 'products', answered: true, problem: null },
    ],
    timeline: [
      {
        event: 'OrderCreated',
        service: 'orders',
        eventId: '019a5c2e-6f00-7000-8000-00000000000c',
        at,
        attempt: 1,
        causationId: null,
        traceId: '0af7651916cd43dd8448eb211c80319c',
        publication: 'published',
        publishedAt: at,
        consumers: [
          { service: 'payments', state: 'waiting', at },
          { service: 'products', state: 'taken', at },
        ],
      },
    ],
    deadLetters: { items: [], complete: true },
  }),
];
