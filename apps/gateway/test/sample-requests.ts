import { deadLetterId, orderId, productId } from './neighbours';

/** A request that succeeds, for one operation of the OpenAPI document. */
export interface SampleRequest {
  /** Path and query, with ids filled in. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: number;
}

/** One for each operation id. The access spec fails for a route without one. */
export const sampleRequests: Readonly<Record<string, SampleRequest>> = {
  'Products.list': { path: '/v1/products?limit=5&sort=-price', status: 200 },
  'Products.get': { path: `/v1/products/${productId}`, status: 200 },
  'Products.create': {
    path: '/v1/products',
    body: { sku: 'NEST-1', name: 'Nest', price: { amountMinor: 1250, currency: 'EUR' }, stock: 40 },
    status: 201,
  },
  'Products.change': {
    path: `/v1/products/${productId}`,
    body: { name: 'Larger nest' },
    headers: { 'if-match': '"3.40"' },
    status: 200,
  },
  'Products.archive': { path: `/v1/products/${productId}`, headers: { 'if-match': '"3.40"' }, status: 204 },
  'Products.adjustStock': {
    path: `/v1/products/${productId}/stock-adjustments`,
    body: { delta: -2, reason: 'broken' },
    status: 200,
  },
  'Orders.place': {
    path: '/v1/orders',
    body: { lines: [{ productId, quantity: 2 }], paymentToken: 'tok_ok' },
    status: 201,
  },
  'Orders.list': { path: '/v1/orders?status=Pending', status: 200 },
  'Orders.get': { path: `/v1/orders/${orderId}`, status: 200 },
  'Orders.timeline': { path: `/v1/orders/${orderId}/timeline`, status: 200 },
  'Orders.cancel': { path: `/v1/orders/${orderId}/cancellations`, status: 202 },
  'OrderStream.follow': { path: `/v1/orders/${orderId}/events`, headers: { accept: 'text/event-stream' }, status: 200 },
  'Payments.list': { path: `/v1/payments?orderId=${orderId}`, status: 200 },
  'Accounts.register': {
    path: '/v1/accounts',
    body: { email: 'carol@example.com', password: 'correct horse battery', name: 'Carol' },
    status: 201,
  },
  'Me.me': { path: '/v1/me', status: 200 },
  'DeadLetters.list': { path: '/v1/ops/dead-letters?consumer=orders&limit=5', status: 200 },
  'DeadLetters.show': { path: `/v1/ops/dead-letters/${deadLetterId}`, status: 200 },
  'DeadLetters.replay': { path: `/v1/ops/dead-letters/${deadLetterId}/replays`, status: 200 },
  'DeadLetters.discard': { path: `/v1/ops/dead-letters/${deadLetterId}`, status: 204 },
  'Reconciliations.reconcile': {
    path: '/v1/ops/reconciliations',
    body: { since: '2026-11-23T07:00:00.000Z' },
    status: 200,
  },
  'OrderTraces.show': { path: `/v1/ops/orders/${orderId}`, status: 200 },
};
