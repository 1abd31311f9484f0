import { createHash } from 'node:crypto';
import { Counter } from 'prom-client';
import type { z } from 'zod';
import { type ListProducts, ProductsRpc, type ProductView, type RpcContract } from '@rookery/contracts';
import type { RpcClient } from '@rookery/messaging';
import {
  type Clock,
  currentContext,
  DeadlineExceeded,
  type Metrics,
  requireContext,
  runInContext,
  toProblem,
} from '@rookery/platform';
import { cacheKey } from './cache-key';
import type { CachedBody, CacheStore, Lookup, TagValues } from './cache-store';

/** Longest wait for products when a stale entry can be served instead. */
const TIMEOUT_WITH_STALE_MS = 1_500;
/** A change of stock does not invalidate a page that is younger: during a sale, pages would never be served from the cache. */
const PAGE_STOCK_MS = 1_000;

/** How long entries are served. */
export interface ProductCacheOptions {
  /** Lifetime of an entry when no change notification comes. 0: products is asked each time. */
  readonly freshMs: number;
  /** Age up to which an entry is served while products is unavailable (stale-while-error). 0: never. */
  readonly staleMs: number;
  /** Longest wait for products. */
  readonly timeoutMs: number;
}

/** A response of the catalog as JSON that is sent unchanged: it was validated when it came and is not parsed again. */
export interface ProductResponse extends CachedBody {
  /** Age of a stale response, served because products is unavailable; undefined for a fresh one. */
  readonly staleSeconds: number | undefined;
}

/** The tags that a response depends on, and how its entity tag is built. */
interface CachePolicy<Value> {
  /** While `content` is unchanged, the entry may be served stale; `stock` changes with sales. */
  readonly tags: readonly [content: string, stock: string, missed: string];
  /** Age up to which a change of stock does not matter. */
  readonly stockMs: number;
  readonly etagOf: (value: Value, body: string) => string;
}

/** Label values of `product_reads_total`. */
type Outcome = 'kept' | 'asked' | 'joined' | 'stale';

/**
 * Caches the reads of the catalog: version tags, stale-while-error, and a single flight per key. For reading only: orders asks
 * products itself.
 */
export class ProductCache {
  private readonly flights = new Map<string, Promise<CachedBody>>();
  private readonly outcomes: Counter<'outcome'>;

  constructor(
    private readonly rpc: RpcClient,
    private readonly store: CacheStore,
    private readonly clock: Clock,
    metrics: Metrics,
    private readonly options: ProductCacheOptions,
  ) {
    this.outcomes = new Counter({
      name: 'product_reads_total',
      help: 'Reads of the catalog: kept (from the cache), asked of products, joined to a running request, or stale because products was away',
      labelNames: ['outcome'],
      registers: [metrics.registry],
    });
  }

  /** The JSON of a `ProductView`. */
  get(id: string): Promise<ProductResponse> {
    const name = id.toLowerCase();
    return this.read(
      ProductsRpc.get,
      { id: name },
      {
        tags: [contentTag(name), stockTag(name), ANYTHING],
        stockMs: 0,
        etagOf: productEtag,
      },
    );
  }

  /** The JSON of a `ProductPage`. */
  list(query: ListProducts): Promise<ProductResponse> {
    return this.read(ProductsRpc.list, query, {
      tags: [CATALOG, ANY_STOCK, ANYTHING],
      stockMs: PAGE_STOCK_MS,
      etagOf: (_page, body) => `"${hashOf(body)}"`,
    });
  }

  /** Invalidates the product and every page. */
  async invalidateProduct(id: string): Promise<void> {
    await this.store.invalidate([contentTag(id.toLowerCase()), CATALOG]);
  }

  /** The product's stock changed; the rest of it is still valid. */
  async invalidateStock(id: string): Promise<void> {
    await this.store.invalidate([stockTag(id.toLowerCase()), ANY_STOCK]);
  }

  /** Changes may have been missed: every entry is revalidated, and served stale only while products is unavailable. */
  async invalidateAll(): Promise<void> {
    await this.store.invalidate([ANYTHING]);
  }

  private async read<Request extends z.ZodType, Response extends z.ZodType>(
    contract: RpcContract<Request, Response>,
    request: z.input<Request>,
    policy: CachePolicy<z.output<Response>>,
  ): Promise<ProductResponse> {
    const key = cacheKey(contract, request);
    const lookup = await this.store.lookup(key, policy.tags);
    const fresh = this.fresh(lookup, policy);
    if (fresh !== undefined) {
      this.count('kept');
      return fresh;
    }
    try {
      return { ...(await this.fetch(contract, request, { ...policy, key }, lookup)), staleSeconds: undefined };
    } catch (error) {
      if (!isUnavailable(error)) {
        throw error;
      }
      // A second lookup: content that has changed in the meantime must not be served.
      const stale = this.stale(await this.store.lookup(key, policy.tags));
      if (stale === undefined) {
        throw error;
      }
      this.count('stale');
      return stale;
    }
  }

  /** Single flight: equal requests share one call of products as long as nothing has changed. */
  private async fetch<Request extends z.ZodType, Response extends z.ZodType>(
    contract: RpcContract<Request, Response>,
    request: z.input<Request>,
    { key, etagOf }: CachePolicy<z.output<Response>> & { readonly key: string },
    lookup: Lookup,
  ): Promise<CachedBody> {
    const id = JSON.stringify([key, lookup.tags]);
    const running = this.flights.get(id);
    this.count(running === undefined ? 'asked' : 'joined');
    const flight = running ?? this.startFlight(id, contract, request, etagOf, lookup);
    return beforeDeadline(flight);
  }

  private startFlight<Request extends z.ZodType, Response extends z.ZodType>(
    id: string,
    contract: RpcContract<Request, Response>,
    request: z.input<Request>,
    etagOf: CachePolicy<z.output<Response>>['etagOf'],
    lookup: Lookup,
  ): Promise<CachedBody> {
    const at = this.clock.now().getTime();
    const timeoutMs = this.stale(lookup) === undefined ? this.options.timeoutMs : TIMEOUT_WITH_STALE_MS;
    // Other requests share this call, so it has its own timeout instead of the first request's deadline.
    const { correlationId, traceparent, actor } = requireContext();
    const flight = runInContext({ correlationId, traceparent, actor }, () =>
      this.rpc.call(contract, request, { timeoutMs }),
    )
      .then((value) => {
        const body = JSON.stringify(value);
        const response = { body, etag: etagOf(value, body) };
        void lookup.store(response, at);
        return response;
      })
      .finally(() => this.flights.delete(id));
    this.flights.set(id, flight);
    // A failure reaches every waiting request; there may be none left, so it must not become an unhandled rejection.
    flight.catch(() => undefined);
    return flight;
  }

  private fresh({ entry, tags }: Lookup, { stockMs }: CachePolicy<never>): ProductResponse | undefined {
    if (entry?.tags.length !== tags.length) {
      return undefined;
    }
    const ageMs = this.ageOf(entry.at);
    const unchanged = entry.tags.every(
      (tag, index) => tag === tags[index] || (index === STOCK_INDEX && ageMs < stockMs),
    );
    return ageMs < this.options.freshMs && unchanged
      ? { body: entry.body, etag: entry.etag, staleSeconds: undefined }
      : undefined;
  }

  private stale({ entry, tags }: Lookup): ProductResponse | undefined {
    if (entry === undefined || !sameContent(entry.tags, tags)) {
      return undefined;
    }
    const ageMs = this.ageOf(entry.at);
    if (ageMs >= this.options.staleMs) {
      return undefined;
    }
    return { body: entry.body, etag: entry.etag, staleSeconds: Math.floor(ageMs / 1_000) };
  }

  private ageOf(at: number): number {
    return Math.max(0, this.clock.now().getTime() - at);
  }

  private count(outcome: Outcome): void {
    this.outcomes.inc({ outcome });
  }
}

/** Spelled as stored: replicas of two releases share one Redis. */
const CATALOG = 'catalogue';
const ANY_STOCK = 'stock';
const ANYTHING = 'anything';
const contentTag = (id: string): string => `content:${id}`;
const stockTag = (id: string): string => `stock:${id}`;
/** Index of the stock tag in a policy's tags. */
const STOCK_INDEX = 1;

const sameContent = ([one]: TagValues, [other]: TagValues): boolean => one === other;

/** Entity tag of a product. Stock changes without a new version, so the tag has both. */
export const productEtag = ({ version, stock }: ProductView): string => `"${version}.${stock.available}"`;

const hashOf = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 22);

/** Products, or a service that it needs, is unavailable (503) or too slow (504). */
function isUnavailable(error: unknown): boolean {
  const { status } = toProblem(error);
  return status === 503 || status === 504;
}

/** @throws {DeadlineExceeded} when the current request's deadline passes first */
async function beforeDeadline<Result>(work: Promise<Result>): Promise<Result> {
  const deadline = currentContext()?.deadline;
  if (deadline === undefined) {
    return work;
  }
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new DeadlineExceeded()), Math.max(0, deadline.msLeft));
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
