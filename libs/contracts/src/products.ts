import { z } from 'zod';
import { defineEvent } from './event';
import { CurrencyCode, Money, Price } from './money';
import { Cursor, PageLimit, pageOf } from './page';
import { Count, Id, Quantity, Text, Timestamp, Version } from './primitives';
import { defineRpc } from './rpc';

/** Stock keeping unit: unique in the catalog. */
export const Sku = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'must be 1..64 letters, digits, dot, dash or underscore');

/** Largest stock of one product. */
export const MAX_STOCK = 1_000_000_000;

const category = Text(64);

export const ProductView = z
  .object({
    id: Id,
    sku: z.string(),
    name: z.string(),
    description: z.string().nullable(),
    category: z.string().nullable(),
    price: Money,
    stock: z.object({ available: Count }),
    version: Version,
    createdAt: Timestamp,
    updatedAt: Timestamp,
  })
  .meta({ id: 'Product' });
export type ProductView = z.infer<typeof ProductView>;

export const ProductPage = pageOf('ProductPage', ProductView);
export type ProductPage = z.infer<typeof ProductPage>;

export const ProductSorts = ['name', '-name', 'price', '-price', 'createdAt', '-createdAt'] as const;
export type ProductSort = (typeof ProductSorts)[number];

/** Query string of `GET /v1/products`. */
export const ListProducts = z.strictObject({
  q: Text(100).optional(),
  category: category.optional(),
  /** Only products with a price in this currency; sorting by price needs it as soon as the catalog has several. */
  currency: CurrencyCode.optional(),
  sort: z.enum(ProductSorts).default('name'),
  limit: PageLimit.default(20),
  cursor: Cursor.optional(),
});
export type ListProducts = z.infer<typeof ListProducts>;

export const CreateProduct = z
  .strictObject({
    sku: Sku,
    name: Text(200),
    description: Text(5_000).optional(),
    category: category.optional(),
    price: Price,
    /** Initial units in stock. */
    stock: z.int().min(0).max(MAX_STOCK).default(0),
  })
  .meta({ id: 'CreateProduct' });
export type CreateProduct = z.infer<typeof CreateProduct>;

/** What may be changed of a product; null clears. Stock has its own request. */
export const ChangeProduct = z
  .strictObject({
    name: Text(200).optional(),
    description: Text(5_000).nullable().optional(),
    category: category.nullable().optional(),
    price: Price.optional(),
  })
  .refine((change) => Object.keys(change).length > 0, 'must change something')
  .meta({ id: 'ChangeProduct' });
export type ChangeProduct = z.infer<typeof ChangeProduct>;

export const AdjustStock = z
  .strictObject({
    /** Units added (positive) or taken (negative); never zero. */
    delta: z
      .int()
      .min(-MAX_STOCK)
      .max(MAX_STOCK)
      .refine((delta) => delta !== 0, 'must not be zero'),
    reason: Text(200),
  })
  .meta({ id: 'AdjustStock' });
export type AdjustStock = z.infer<typeof AdjustStock>;

/** A product's name and price now, as orders snapshots them. */
export const ProductQuote = z.object({ productId: Id, sku: z.string(), name: z.string(), unitPrice: Money });
export type ProductQuote = z.infer<typeof ProductQuote>;

/** Subject of change notifications, without guarantee, for a product's stock. Caches then refresh the product. */
export const productNotificationSubject = (productId: string): string => `live.products.${productId}`;

/** Between gateway and service the page limit is already a number. */
const ListProductsRequest = z.strictObject({ ...ListProducts.shape, limit: z.int().min(1).max(100) });

/** Versions that `If-Match` accepts; null is `*`: any. */
const ifMatch = z.array(Version).max(16).nullable();

export const ProductsRpc = {
  list: defineRpc({
    service: 'products',
    name: 'list',
    kind: 'query',
    scopes: [],
    request: ListProductsRequest,
    response: ProductPage,
    summary: 'A page of the catalog, without archived products',
  }),
  get: defineRpc({
    service: 'products',
    name: 'get',
    kind: 'query',
    scopes: [],
    request: z.strictObject({ id: Id }),
    response: ProductView,
    summary: 'One product that is not archived',
  }),
  quote: defineRpc({
    service: 'products',
    name: 'quote',
    kind: 'query',
    scopes: [],
    request: z.strictObject({ productIds: z.array(Id).min(1).max(100) }),
    /**
     * Unknown products are left out. Archived ones are left out for a customer; a request without an actor gets them: the recovery of
     * orders that were placed before their product was archived.
     */
    response: z.object({ quotes: z.array(ProductQuote) }),
    summary: 'Names and prices of products, for an order about to be placed',
  }),
  create: defineRpc({
    service: 'products',
    name: 'create',
    kind: 'command',
    idempotency: 'key',
    scopes: ['catalog:write'],
    request: CreateProduct,
    response: ProductView,
    summary: 'Adds a product to the catalog',
  }),
  change: defineRpc({
    service: 'products',
    name: 'change',
    kind: 'command',
    idempotency: 'version',
    scopes: ['catalog:write'],
    request: z.strictObject({ id: Id, ifMatch, change: ChangeProduct }),
    response: ProductView,
    summary: 'Changes a product whose version is the expected one',
  }),
  archive: defineRpc({
    service: 'products',
    name: 'archive',
    kind: 'command',
    idempotency: 'version',
    scopes: ['catalog:write'],
    request: z.strictObject({ id: Id, ifMatch }),
    response: z.object({}),
    summary: 'Takes a product out of the catalog; orders that have it keep it',
  }),
  adjustStock: defineRpc({
    service: 'products',
    name: 'adjust-stock',
    kind: 'command',
    idempotency: 'key',
    scopes: ['catalog:write'],
    request: z.strictObject({ id: Id, adjustment: AdjustStock }),
    response: ProductView,
    summary: 'Adds units to a product’s stock or takes them',
  }),
} as const;

/**
 * `Awaiting`: the lines or the payment are not known yet. `Reserved`: units are held. `Shipped`: they are sold. `Released`: they are
 * available again. `Rejected`: they could not be had. `Withdrawn`: the order ended before anything was held, so a late payment holds nothing.
 */
export const ReservationStatuses = ['Awaiting', 'Reserved', 'Rejected', 'Shipped', 'Released', 'Withdrawn'] as const;
export type ReservationStatus = (typeof ReservationStatuses)[number];

const reservedLines = z.array(z.object({ productId: Id, quantity: Quantity }));

export const StockReserved = defineEvent({
  name: 'StockReserved',
  version: 1,
  producer: 'products',
  aggregate: 'reservation',
  handledBy: ['orders'],
  data: z.object({ orderId: Id, lines: reservedLines }),
  summary: 'All lines of an order are reserved',
});
export const StockRejected = defineEvent({
  name: 'StockRejected',
  version: 1,
  producer: 'products',
  aggregate: 'reservation',
  handledBy: ['orders'],
  data: z.object({ orderId: Id, reason: z.enum(['out-of-stock', 'product-unavailable']), productId: Id }),
  summary: 'An order could not have its stock; nothing of it is reserved',
});
export const StockReleased = defineEvent({
  name: 'StockReleased',
  version: 1,
  producer: 'products',
  aggregate: 'reservation',
  handledBy: ['orders'],
  data: z.object({ orderId: Id, lines: reservedLines }),
  summary: 'What was reserved for an order is available again',
});
export const ProductChanged = defineEvent({
  name: 'ProductChanged',
  version: 1,
  producer: 'products',
  aggregate: 'product',
  handledBy: [],
  data: z.object({ productId: Id, version: Version, change: z.enum(['created', 'changed', 'archived']) }),
  summary: 'A product of the catalog was created, changed or archived',
});
