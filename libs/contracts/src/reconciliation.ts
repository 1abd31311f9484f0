import { z } from 'zod';
import { Count, Timestamp } from './primitives';
import { defineRpc } from './rpc';

/** Maximum number of orders in one response: with 100 lines each they still fit into one message of the broker (1 MiB). */
export const MAX_RECORDS = 100;

/** Any 128 bits as text: bounds between orders are not ids of orders, and compared records may be wrong in any way. */
const AnyId = z.guid().toLowerCase();

/**
 * Orders by their ids, from the one following `after` to `upTo`. Ids are UUID v7, so a range of them is a span of the time in which the
 * orders were placed, and every service has an index by it.
 */
export const RecordRange = z.strictObject({
  after: AnyId,
  upTo: AnyId,
  limit: z.int().min(1).max(MAX_RECORDS),
});
export type RecordRange = z.infer<typeof RecordRange>;

/** `upTo`: the response is complete up to this id, which is lower than requested when the limit was reached. */
const settled = <Item extends z.ZodType>(item: Item) => z.object({ upTo: AnyId, items: z.array(item) });

/** Up to which id a response is complete that was read with a limit and in the order of ids. */
export const reachOf = ({ upTo, limit }: RecordRange, ids: readonly string[]): string =>
  ids.length < limit ? upTo : (ids.at(-1) ?? upTo);

/** The kinds of differences between payments and the provider's ledger. */
export const LedgerDifferenceKinds = [
  /** The provider holds or took the money of one order more than once. */
  'double-charge',
  /** The provider holds or took money for which there is no payment. */
  'charge-without-payment',
  /** The provider has another amount or currency than the payment. */
  'charge-amount',
  /** A capture, release or refund is missing at the provider, or one is there that payments does not know. */
  'charge-state',
] as const;

/** Every kind of difference that a reconciliation can find. */
export const DifferenceKinds = [
  /** An order is Pending past its deadline. */
  'order-overdue',
  /** A Confirmed order has no captured payment. */
  'payment-missing',
  /** A Confirmed order's payment is not of exactly its total and currency. */
  'payment-amount',
  /** The money of a Canceled order is, or may be, still held or taken. */
  'payment-kept',
  'payment-without-order',
  ...LedgerDifferenceKinds,
  /** A Confirmed order has no units that are sold to it. */
  'reservation-missing',
  /** The units sold to a Confirmed order are not those of its lines. */
  'reservation-lines',
  /** A Canceled order still waits for units, holds or has them. */
  'reservation-kept',
  'reservation-without-order',
  /** A product's units do not add up: initial + adjusted ≠ available + reserved + sold, or the adjustments are others. */
  'stock-sum',
  /** A product's reserved units are not those of its open reservations. */
  'stock-reserved',
  /** A product's sold units are not those of the reservations of Confirmed orders. */
  'stock-sold',
] as const;
export const DifferenceKind = z.enum(DifferenceKinds).meta({ id: 'DifferenceKind' });
export type DifferenceKind = z.infer<typeof DifferenceKind>;

/** One difference between two sides. */
export const Difference = z
  .object({
    kind: DifferenceKind,
    orderId: AnyId.nullable(),
    paymentId: AnyId.nullable(),
    productId: AnyId.nullable(),
    /** Each side's value by name; amounts are in minor units. */
    says: z.record(z.string(), z.string()),
  })
  .meta({ id: 'Difference' });
export type Difference = z.infer<typeof Difference>;

/** Where an order's money is: `uncertain` while the provider's answer is outstanding. */
export const MoneyState = z.enum(['none', 'uncertain', 'held', 'taken']);
export type MoneyState = z.infer<typeof MoneyState>;

/** The record of payments about one order. */
export const PaymentRecord = z.object({
  orderId: AnyId,
  /** Null when only the provider has a record. */
  payment: z
    .object({
      id: AnyId,
      status: z.string(),
      money: MoneyState,
      /** Null until OrderCreated has arrived. */
      amount: z.object({ amountMinor: z.int(), currency: z.string() }).nullable(),
    })
    .nullable(),
  /** The differences between payments and the provider's ledger. */
  ledger: z.array(z.object({ kind: z.enum(LedgerDifferenceKinds), payments: z.string(), provider: z.string() })),
});
export type PaymentRecord = z.infer<typeof PaymentRecord>;

/** Where the units of an order's lines are: `awaited` when they may yet be taken for it. */
export const UnitsState = z.enum(['none', 'awaited', 'held', 'sold']);
export type UnitsState = z.infer<typeof UnitsState>;

/** The record of products about one order. */
export const StockRecord = z.object({
  orderId: AnyId,
  status: z.string(),
  units: UnitsState,
  lines: z.array(z.object({ productId: AnyId, quantity: z.int() })),
});
export type StockRecord = z.infer<typeof StockRecord>;

/** A product whose units do not add up, in one snapshot. Counts may be wrong in any way, also negative. */
export const UnbalancedStock = z.object({
  productId: AnyId,
  initial: z.int(),
  adjusted: z.int(),
  available: z.int(),
  reserved: z.int(),
  sold: z.int(),
  /** Sum of the recorded adjustments. */
  adjustments: z.int(),
  /** Units of the reservations that hold some, and of those that became sales. */
  held: z.int(),
  shipped: z.int(),
});
export type UnbalancedStock = z.infer<typeof UnbalancedStock>;

/** Body of `POST /v1/ops/reconciliations`: the time from which orders are compared, or the end of the previous part. */
export const Reconcile = z
  .strictObject({ since: Timestamp.optional(), after: AnyId.optional() })
  .refine(({ since, after }) => (since === undefined) !== (after === undefined), 'must have either since or after')
  .meta({ id: 'Reconcile' });
export type Reconcile = z.infer<typeof Reconcile>;

/** Maximum number of differences listed in one part. */
export const MAX_LISTED_DIFFERENCES = 200;

/** The result of one part of a reconciliation. */
export const Reconciliation = z
  .object({
    /** The compared orders were placed in this interval. */
    from: Timestamp,
    to: Timestamp,
    /** Orders compared, and those skipped as in flight: Pending in time, or ended recently. */
    orders: Count,
    inFlight: Count,
    /** Products whose stock was checked: all of them in the first part, none in those that follow. */
    products: Count,
    /** The first differences, and how many there are. Of the stock of products, the first 200 that do not add up are listed; each further one counts as one. */
    differences: z.array(Difference).max(MAX_LISTED_DIFFERENCES),
    total: Count,
    /** Start of the next part (`after`); null after the last one. */
    next: AnyId.nullable(),
  })
  .meta({ id: 'Reconciliation' });
export type Reconciliation = z.infer<typeof Reconciliation>;

/** Requests of the reconciliation: one for operators, and the queries of orders to the other services. */
export const ReconciliationRpc = {
  reconcile: defineRpc({
    service: 'orders',
    name: 'reconcile',
    kind: 'command',
    idempotency: 'key',
    scopes: ['ops:read'],
    request: Reconcile,
    response: Reconciliation,
    summary: 'Compares orders, payments, stock and the provider’s ledger, as far as it comes within the deadline',
  }),
  // `list-settlements` is the older name of these records: what goes over the wire keeps it.
  payments: defineRpc({
    service: 'payments',
    name: 'list-settlements',
    kind: 'query',
    scopes: ['ops:read'],
    request: RecordRange,
    response: settled(PaymentRecord),
    summary: 'The payments of a range of orders, each compared with the provider’s ledger',
  }),
  reservations: defineRpc({
    service: 'products',
    name: 'list-settlements',
    kind: 'query',
    scopes: ['ops:read'],
    request: RecordRange,
    response: settled(StockRecord),
    summary: 'The reservations of a range of orders',
  }),
  stock: defineRpc({
    service: 'products',
    name: 'check-stock',
    kind: 'query',
    scopes: ['ops:read'],
    request: z.strictObject({ limit: z.int().min(1).max(MAX_LISTED_DIFFERENCES) }),
    /** How many products were checked, how many do not add up, and the first of these. */
    response: z.object({ products: Count, total: Count, items: z.array(UnbalancedStock) }),
    summary: 'The products whose units do not add up with their adjustments and reservations',
  }),
} as const;
