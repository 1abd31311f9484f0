/** Whose orders a peer keeps: it knows no customers. */
export const CUSTOMER = 'alice';
/** Connections to Postgres of each process. */
export const POOL_SIZE = 20;

/** A row of `products`, as pg reads it: a bigint is text. */
export interface ProductRow {
  readonly id: string;
  readonly version: number;
  readonly sku: string;
  readonly name: string;
  readonly description: string | null;
  readonly category: string | null;
  readonly price_minor: string;
  readonly currency: string;
  readonly available: string;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** A row of `orders`. */
export interface OrderRow {
  readonly id: string;
  readonly version: number;
  readonly status: string;
  readonly reason: string | null;
  readonly lines: readonly OrderedLine[];
  readonly total_minor: string;
  readonly currency: string;
  readonly created_at: Date;
  readonly updated_at: Date;
}

/** What is wanted of one product. */
export interface WantedLine {
  readonly productId: string;
  readonly quantity: number;
}

/** One line of an order, with the product as it was sold. */
export interface OrderedLine extends WantedLine {
  readonly sku: string;
  readonly name: string;
  readonly unitPrice: { readonly amountMinor: number; readonly currency: string };
}

export const PRODUCT_COLUMNS =
  'id, version, sku, name, description, category, price_minor, currency, available, created_at, updated_at';
export const ORDER_COLUMNS = 'id, version, status, reason, lines, total_minor, currency, created_at, updated_at';

/** A product as the API shows it. */
export const productView = (row: ProductRow) => ({
  id: row.id,
  sku: row.sku,
  name: row.name,
  description: row.description,
  category: row.category,
  price: { amountMinor: Number(row.price_minor), currency: row.currency },
  stock: { available: Number(row.available) },
  version: row.version,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
});

/** An order as the API shows it. */
export const orderView = (row: OrderRow) => ({
  id: row.id,
  status: row.status,
  reason: row.reason,
  lines: row.lines,
  total: { amountMinor: Number(row.total_minor), currency: row.currency },
  version: row.version,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
});

/** What an order costs. All prices are in one currency. */
export const totalOf = (lines: readonly OrderedLine[]): number =>
  lines.reduce((sum, { quantity, unitPrice }) => sum + quantity * unitPrice.amountMinor, 0);

/** The lines of a request, sorted, so that two orders lock their products in one order; undefined when there are none. */
export function wantedLines(body: unknown): readonly WantedLine[] | undefined {
  const lines: unknown = typeof body === 'object' && body !== null && 'lines' in body ? body.lines : undefined;
  return Array.isArray(lines) && lines.length > 0 && lines.every(isWanted)
    ? lines.toSorted((one, other) => (one.productId < other.productId ? -1 : 1))
    : undefined;
}

function isWanted(line: unknown): line is WantedLine {
  return (
    typeof line === 'object' &&
    line !== null &&
    'productId' in line &&
    typeof line.productId === 'string' &&
    'quantity' in line &&
    Number.isInteger(line.quantity)
  );
}

/** `?category=…&limit=…` of a list. */
export const listQuery = (query: Readonly<Record<string, unknown>>): { category: string; limit: number } => ({
  category: typeof query['category'] === 'string' ? query['category'] : '',
  limit: Number(query['limit'] ?? 20),
});

/** A setting that the bench gives. */
export function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) {
    throw new Error(`${name} is not set: npm run bench -- peers starts this program.`);
  }
  return value;
}

/** Tells the bench that requests are answered. */
export const isReady = (): void => void process.send?.('ready');
