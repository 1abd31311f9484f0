import * as auth from './auth';
import { type DeadLetterConsumer, DeadLetterConsumers, DeadLetterRpc } from './dead-letters';
import type { EventContract } from './event';
import { OrderDiagnosisRpc } from './order-diagnosis';
import * as orders from './orders';
import * as payments from './payments';
import * as products from './products';
import { ReconciliationRpc } from './reconciliation';
import type { RpcContract } from './rpc';

/** Every request/reply contract of the system. */
export const rpcContracts: readonly RpcContract[] = [
  ...Object.values(auth.AuthRpc),
  ...Object.values(products.ProductsRpc),
  ...Object.values(orders.OrdersRpc),
  ...Object.values(payments.PaymentsRpc),
  ...DeadLetterConsumers.flatMap((consumer) => Object.values(DeadLetterRpc[consumer])),
  ...Object.values(ReconciliationRpc),
  ...Object.values(OrderDiagnosisRpc),
];

/** Every event of the system. */
export const eventContracts: readonly EventContract[] = [
  orders.OrderCreated,
  orders.OrderConfirmed,
  orders.OrderCanceled,
  payments.PaymentReserved,
  payments.PaymentFailed,
  payments.PaymentCaptured,
  payments.PaymentReleased,
  products.StockReserved,
  products.StockRejected,
  products.StockReleased,
  products.ProductChanged,
];

/** Consumers that take no part in the saga. */
const besidesTheSaga: readonly DeadLetterConsumer[] = [
  'auth', // part:mails
];

/** The services that handle each event; each service's specs compare its handlers with it. A consumer skips events that it does not handle. */
export const eventHandlers: Readonly<Record<string, readonly DeadLetterConsumer[]>> = {
  OrderCreated: ['payments', 'products', ...besidesTheSaga],
  OrderConfirmed: ['payments', 'products', ...besidesTheSaga],
  OrderCanceled: ['payments', 'products', ...besidesTheSaga],
  PaymentReserved: ['orders', 'products'],
  PaymentFailed: ['orders'],
  PaymentCaptured: ['orders'],
  PaymentReleased: ['orders'],
  StockReserved: ['orders'],
  StockRejected: ['orders'],
  StockReleased: ['orders'],
  ProductChanged: [],
};
