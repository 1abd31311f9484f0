import { z } from 'zod';
import { Count, Timestamp } from './primitives';
import { defineRpc } from './rpc';

/** Most orders of one answer: with 100 lines each they still fit into one message of the broker (1 MiB). */
export const MAX_RECORDS = 100;

/** Any 128 bits as text: bounds between orders are ids of none, and what is compared may be wrong in any way. */
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

/** `upTo`: everything up to this id is in the answer; less than was asked for when the limit was reached. */
const settled = <Item extends z.ZodType>(item: Item) => z.object({ upTo: AnyId, items: z.array(item) });

/** How far an answer reaches that was read with a limit and in the order of ids. */
export const reachOf = ({ upTo, limit }: RecordRange, ids: readonly string[]): string =>
  ids.length < limit ? upTo : (ids.at(-1) ?? upTo);

/** In which way payments and the provider's ledger disagree. */
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

/** Every kind of difference that a reconciliation finds. */
export const DifferenceKinds = [
  /** An order is Pending past its deadline, which nothing should let happen. */
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

/** One thing that two sides do not agree on. */
export const Difference = z
  .object({
    kind: DifferenceKind,
    orderId: AnyId.nullable(),
    paymentId: AnyId.nullable(),
    productId: AnyId.nullable(),
    /** What each side says, by its name; amounts are in minor units. */
    says: z.record(z.string(), z.string()),
  })
  .meta({ id: 'Difference' });
export type Difference = z.infer<typeof Difference>;

/** Where an order's money is: `uncertain` while the provider's answer is outstanding. */
export const MoneyState = z.enum(['none', 'uncertain', 'held', 'taken']);
export type MoneyState = z.infer<typeof MoneyState>;

/** What payments says of one order. */
export const PaymentRecord = z.object({
  orderId: AnyId,
  /** Null when only the provider knows of it. */
  payment: z
    .object({
      id: AnyId,
      status: z.string(),
      money: MoneyState,
      /** Null until the order itself was heard of. */
      amount: z.object({ amountMinor: z.int(), currency: z.string() }).nullable(),
    })
    .nullable(),
  /** What payments and the provider's ledger disagree on. */
  ledger: z.array(z.object({ kind: z.enum(LedgerDifferenceKinds), payments: z.string(), provider: z.string() })),
});
export type PaymentRecord = z.infer<typeof PaymentRecord>;

/** Where the units of an order's lines are: `awaited` when they may yet be taken for it. */
export const UnitsState = z.enum(['none', 'awaited', 'held', 'sold']);
export type UnitsState = z.infer<typeof UnitsState>;

/** What products says of one order. */
export const StockRecord = z.object({
  orderId: AnyId,
  status: z.string(),
  units: UnitsState,
  lines: z.array(z.object({ productId: AnyId, quantity: z.int() })),
});
export type StockRecord = z.infer<typeof StockRecord>;

/** A product whose units do not add up, as of one moment. Counts may be wrong in any way, also negative. */
export const UnbalancedStock = z.object({
  productId: AnyId,
  initial: z.int(),
  adjusted: z.int(),
  available: z.int(),
  reserved: z.int(),
  sold: z.int(),
  /** Sum of the adjustments noted. */
  adjustments: z.int(),
  /** Units of the reservations that hold some, and of those that became sales. */
  held: z.int(),
  shipped: z.int(),
});
export type UnbalancedStock = z.infer<typeof UnbalancedStock>;

/** Body of `POST /v1/ops/reconciliations`: from when on orders are compared, or where the part before ended. */
export const Reconcile = z
  .strictObject({ since: Timestamp.optional(), after: AnyId.optional() })
  .refine(({ since, after }) => (since === undefined) !== (after === undefined), 'must have either since or after')
  .meta({ id: 'Reconcile' });
export type Reconcile = z.infer<typeof Reconcile>;

/** Most differences that one part lists. */
export const MAX_LISTED_DIFFERENCES = 200;

/** What one part of a reconciliation came to. */
export const Reconciliation = z
  .object({
    /** The orders placed in this time were compared. */
    from: Timestamp,
    to: Timestamp,
    /** Orders compared, and those left out because they are in flight: Pending in time, or ended a short while ago. */
    orders: Count,
    inFlight: Count,
    /** Products whose stock was checked: all of them in the first part, none in those that follow. */
    products: Count,
    /** The first of them, and how many there are. */
    differences: z.array(Difference).max(MAX_LISTED_DIFFERENCES),
    total: Count,
    /** Where the next part begins (`after`); null when this was the last. */
    next: AnyId.nullable(),
  })
  .meta({ id: 'Reconciliation' });
export type Reconciliation = z.infer<typeof Reconciliation>;

/** Requests of the reconciliation: one for operators, and what orders asks the other services. */
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
