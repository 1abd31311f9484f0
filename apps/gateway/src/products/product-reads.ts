import { createHash } from 'node:crypto';
import { ProductsRpc, type ListProducts, type ProductView, type RpcContract } from '@rookery/contracts';
import type { RpcClient } from '@rookery/messaging';
import {
  currentContext,
  DeadlineExceeded,
  requireContext,
  runInContext,
  toProblem,
  type Clock,
  type Metrics,
} from '@rookery/platform';
import { Counter } from 'prom-client';
import type { z } from 'zod';
import type { Answer, KeptReads, Lookup, Marks } from './kept-reads';
import { questionKey } from './question-key';

/** How long products takes to answer, at most, when there is an answer that can be given instead. */
const PATIENCE_MS = 1_500;
/** Under sales a page's stock may be so old; a page that every sale dropped would be kept for nobody. */
const PAGE_STOCK_MS = 1_000;

/** How long answers are given. */
export interface ProductReadOptions {
  /** In case no word comes that something changed. 0: products is asked each time. */
  readonly freshMs: number;
  /** While products does not answer. 0: never. */
  readonly staleMs: number;
  /** Longest time for an answer of products. */
  readonly timeoutMs: number;
}

/** An answer of the catalogue: as JSON that is sent as it is. It was checked when it came; reading and writing it again would be for nothing. */
export interface ProductRead extends Answer {
  /** Of an answer that may be out of date, because products does not answer now. */
  readonly staleSeconds: number | undefined;
}

/** What the answer to a question depends on, and how it is tagged. */
interface Question<Value> {
  /** Without a change of the first an answer may be given while products is away; the second is that of stock. */
  readonly marks: readonly [content: string, stock: string, missed: string];
  /** Age up to which a change of stock does not matter. */
  readonly stockMs: number;
  readonly tagOf: (value: Value, body: string) => string;
}

type Outcome = 'kept' | 'asked' | 'joined' | 'stale';

/** The catalogue as the gateway knows it: each answer of products is given again until something of it changes. For reading only: orders asks products itself. */
export class ProductReads {
  private readonly flights = new Map<string, Promise<Answer>>();
  private readonly outcomes: Counter<'outcome'>;

  constructor(
    private readonly rpc: RpcClient,
    private readonly reads: KeptReads,
    private readonly clock: Clock,
    metrics: Metrics,
    private readonly options: ProductReadOptions,
  ) {
    this.outcomes = new Counter({
      name: 'product_reads_total',
      help: 'Reads of the catalogue: kept, asked of products, joined to such a question, or stale because products was away',
      labelNames: ['outcome'],
      registers: [metrics.registry],
    });
  }

  /** A `ProductView`. */
  get(id: string): Promise<ProductRead> {
    const name = id.toLowerCase();
    return this.read(
      ProductsRpc.get,
      { id: name },
      {
        marks: [contentMark(name), stockMark(name), ANYTHING],
        stockMs: 0,
        tagOf: productTag,
      },
    );
  }

  /** A `ProductPage`. */
  list(query: ListProducts): Promise<ProductRead> {
    return this.read(ProductsRpc.list, query, {
      marks: [CATALOGUE, ANY_STOCK, ANYTHING],
      stockMs: PAGE_STOCK_MS,
      tagOf: (_page, body) => `"${hashOf(body)}"`,
    });
  }

  /** What is kept of this product, and every page, no longer holds. */
  async changed(id: string): Promise<void> {
    await this.reads.mark([contentMark(id.toLowerCase()), CATALOGUE]);
  }

  /** The product's stock is another; the rest of it still holds. */
  async stockChanged(id: string): Promise<void> {
    await this.reads.mark([stockMark(id.toLowerCase()), ANY_STOCK]);
  }

  /** Changes may have been missed: nothing is given without asking, unless products does not answer. */
  async mayHaveChanged(): Promise<void> {
    await this.reads.mark([ANYTHING]);
  }

  private async read<Request extends z.ZodType, Response extends z.ZodType>(
    contract: RpcContract<Request, Response>,
    request: z.input<Request>,
    question: Question<z.output<Response>>,
  ): Promise<ProductRead> {
    const key = questionKey(contract, request);
    const lookup = await this.reads.look(key, question.marks);
    if (lookup.kept !== undefined && this.holds(lookup, question)) {
      this.count('kept');
      return { body: lookup.kept.body, tag: lookup.kept.tag, staleSeconds: undefined };
    }
    try {
      return { ...(await this.ask(contract, request, { ...question, key }, lookup)), staleSeconds: undefined };
    } catch (error) {
      if (!isAway(error)) throw error;
      // Looked up again: what has changed meanwhile must not be given.
      const stale = this.stale(await this.reads.look(key, question.marks));
      if (stale === undefined) throw error;
      this.count('stale');
      return stale;
    }
  }

  /** Whoever asks the same while nothing has changed gets the same answer: products is asked once. */
  private async ask<Request extends z.ZodType, Response extends z.ZodType>(
    contract: RpcContract<Request, Response>,
    request: z.input<Request>,
    { key, tagOf }: Question<z.output<Response>> & { readonly key: string },
    lookup: Lookup,
  ): Promise<Answer> {
    const id = JSON.stringify([key, lookup.marks]);
    const known = this.flights.get(id);
    this.count(known === undefined ? 'asked' : 'joined');
    const flight = known ?? this.depart(id, contract, request, tagOf, lookup);
    return beforeDeadline(flight);
  }

  private depart<Request extends z.ZodType, Response extends z.ZodType>(
    id: string,
    contract: RpcContract<Request, Response>,
    request: z.input<Request>,
    tagOf: Question<z.output<Response>>['tagOf'],
    lookup: Lookup,
  ): Promise<Answer> {
    const at = this.clock.now().getTime();
    const timeoutMs = this.stale(lookup) === undefined ? this.options.timeoutMs : PATIENCE_MS;
    // Others wait for it too: it ends by its own time, not by that of whoever came first.
    const { correlationId, traceparent, actor } = requireContext();
    const flight = runInContext({ correlationId, traceparent, actor }, () =>
      this.rpc.call(contract, request, { timeoutMs }),
    )
      .then((value) => {
        const body = JSON.stringify(value);
        const answer = { body, tag: tagOf(value, body) };
        void lookup.keep(answer, at);
        return answer;
      })
      .finally(() => this.flights.delete(id));
    this.flights.set(id, flight);
    // Those who wait hear of it; perhaps nobody does any more.
    flight.catch(() => undefined);
    return flight;
  }

  private holds({ kept, marks }: Lookup, { stockMs }: Question<never>): boolean {
    if (kept === undefined) return false;
    const ageMs = this.ageOf(kept.at);
    if (ageMs >= this.options.freshMs) return false;
    return (
      kept.marks.length === marks.length &&
      kept.marks.every((mark, index) => mark === marks[index] || (index === STOCK && ageMs < stockMs))
    );
  }

  private stale({ kept, marks }: Lookup): ProductRead | undefined {
    if (kept === undefined || !sameContent(kept.marks, marks)) return undefined;
    const ageMs = this.ageOf(kept.at);
    if (ageMs >= this.options.staleMs) return undefined;
    return { body: kept.body, tag: kept.tag, staleSeconds: Math.floor(ageMs / 1_000) };
  }

  private ageOf(at: number): number {
    return Math.max(0, this.clock.now().getTime() - at);
  }

  private count(outcome: Outcome): void {
    this.outcomes.inc({ outcome });
  }
}

const CATALOGUE = 'catalogue';
const ANY_STOCK = 'stock';
const ANYTHING = 'anything';
const contentMark = (id: string): string => `content:${id}`;
const stockMark = (id: string): string => `stock:${id}`;
/** Where a question's mark of stock stands. */
const STOCK = 1;

const sameContent = ([one]: Marks, [other]: Marks): boolean => one === other;

/** Stock changes without a new version, so the tag of a product has both. */
export const productTag = ({ version, stock }: ProductView): string => `"${version}.${stock.available}"`;

const hashOf = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 22);

/** Products, or what it needs, does not answer now: unavailable, or not in time. */
function isAway(error: unknown): boolean {
  const { status } = toProblem(error);
  return status === 503 || status === 504;
}

/** The result, or `DeadlineExceeded` when the running request's time is over first. */
async function beforeDeadline<Result>(work: Promise<Result>): Promise<Result> {
  const deadline = currentContext()?.deadline;
  if (deadline === undefined) return work;
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new DeadlineExceeded()), Math.max(0, deadline.msLeft));
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
