import type { z } from 'zod';
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

/** Placeholder of a product's id; Swagger UI replaces it with a real one. */
export const EXAMPLE_PRODUCT_ID = '019a5c2e-6f00-7000-8000-000000000001';

/** A valid Idempotency-Key. */
export const EXAMPLE_IDEMPOTENCY_KEY = '8e03978e-40d5-43e8-bc93-6894a57f9324';

const ORDER_ID = '019a5c2e-6f00-7000-8000-00000000000b';
const AT = '2026-11-23T08:00:00.000Z';
const price = { amountMinor: 1250, currency: 'EUR' };
const DESCRIPTION = 'Untreated larch, for tits and sparrows.';

/** An example value of a contract in the document. */
export interface Example {
  readonly schema: z.ZodType;
  readonly value: unknown;
}

/** The compiler checks each value against its contract. */
const example = <Schema extends z.ZodType>(schema: Schema, value: z.input<Schema>): Example => ({ schema, value });

/** Examples that the document shows instead of `string` and `0`; "Try it out" sends them unchanged. */
export const examples: readonly Example[] = [
  example(PlaceOrder, { lines: [{ productId: EXAMPLE_PRODUCT_ID, quantity: 1 }], paymentToken: 'tok_ok' }),
  example(CreateProduct, {
    sku: 'BOX-0042',
    name: 'Nest box',
    description: DESCRIPTION,
    category: 'homes',
    price,
    stock: 40,
  }),
  example(ChangeProduct, { description: DESCRIPTION }),
  example(AdjustStock, { delta: 10, reason: 'delivery' }),
  example(RegisterAccount, { email: 'wren@example.com', password: 'three eggs in a nest', name: 'Wren' }),
  example(Reconcile, { since: AT }),
  example(ProductView, {
    id: EXAMPLE_PRODUCT_ID,
    sku: 'BOX-0042',
    name: 'Nest box',
    description: DESCRIPTION,
    category: 'homes',
    price,
    stock: { available: 40 },
    version: 1,
    createdAt: AT,
    updatedAt: AT,
  }),
  example(OrderView, {
    id: ORDER_ID,
    status: 'Pending',
    reason: null,
    lines: [{ productId: EXAMPLE_PRODUCT_ID, sku: 'BOX-0042', name: 'Nest box', quantity: 1, unitPrice: price }],
    total: price,
    version: 1,
    createdAt: AT,
    updatedAt: AT,
  }),
  example(TimelineEntry, {
    position: 2,
    event: 'PaymentReserved',
    service: 'payments',
    at: AT,
    attempt: 1,
    causationId: '019a5c2e-6f00-7000-8000-00000000000c',
    traceId: '0af7651916cd43dd8448eb211c80319c',
  }),
  example(PaymentView, {
    id: '019a5c2e-6f00-7000-8000-00000000000d',
    orderId: ORDER_ID,
    status: 'Captured',
    amount: price,
    createdAt: AT,
  }),
  example(AccountView, {
    id: '019a5c2e-6f00-7000-8000-00000000000e',
    email: 'wren@example.com',
    name: 'Wren',
    createdAt: AT,
  }),
  example(MeView, {
    subject: '019a5c2e-6f00-7000-8000-00000000000e',
    clientId: 'rookery-swagger',
    roles: ['customer'],
    scopes: ['orders:read', 'orders:write'],
  }),
  example(OrderDiagnosis, {
    id: ORDER_ID,
    waitsFor: 'payments has not taken OrderCreated, published 40 s ago',
    order: {
      status: 'Pending',
      reason: null,
      createdAt: AT,
      updatedAt: AT,
      deadlineAt: '2026-11-23T08:01:00.000Z',
      paymentReservedAt: null,
      stockReservedAt: null,
    },
    payment: null,
    reservation: { status: 'Awaiting', linesKnown: true, paid: false, createdAt: AT, updatedAt: AT },
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
        at: AT,
        attempt: 1,
        causationId: null,
        traceId: '0af7651916cd43dd8448eb211c80319c',
        publication: 'published',
        publishedAt: AT,
        consumers: [
          { service: 'payments', state: 'waiting', at: AT },
          { service: 'products', state: 'taken', at: AT },
        ],
      },
    ],
    deadLetters: { items: [], complete: true },
  }),
];
