import { randomUUID } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { z } from 'zod';
import { OrderView, type PlaceOrder } from '@rookery/contracts';
import type { ApiClient } from './api-client';
import { atRate } from './pace';
import type { Random } from './random';
import type { Answer } from './request';

/** A key that a customer placed an order under, and every definite answer to it, in the order of arrival. */
export class Placement {
  readonly key: string = randomUUID();
  readonly answers: Answer[] = [];

  constructor(
    readonly customer: ApiClient,
    readonly body: z.input<typeof PlaceOrder>,
  ) {}

  /** The orders that were answered with 201; more than one breaks I10. */
  get orderIds(): readonly string[] {
    const taken = this.answers.filter(({ status }) => status === 201);
    return [...new Set(taken.map(({ text }) => OrderView.parse(JSON.parse(text)).id))];
  }
}

/** An answer that is wrong whatever is broken. */
export interface Anomaly {
  readonly at: string;
  readonly what: string;
}

export interface RetryingLoadOptions {
  readonly customers: readonly [ApiClient, ...ApiClient[]];
  /** The first one is scarce and in demand. */
  readonly products: readonly [string, ...string[]];
  /** Orders per second. */
  readonly rate: number;
  readonly seconds: number;
  readonly random: Random;
  /** No answer may take longer. */
  readonly answersWithinMs: number;
}

/** How often each payment token is used. */
const PAYMENT_TOKENS = [
  'tok_ok',
  ...Array<string>(11).fill('tok_ok'),
  'tok_declined',
  'tok_insufficient_funds',
  'tok_timeout_then_ok',
  'tok_timeout_then_ok',
  'tok_slow',
  'tok_error',
] as const;
const PRODUCTS = 12;
const SCARCE_UNITS = 60;
const TIMEOUT_MS = 8_000;
/** A customer who does not know whether the order was placed sends it again with the same key, this often at most. */
const MAX_TRIES = 12;
const MAX_PAUSE_MS = 6_000;
/** Answers that ask the client to try again later, with the same key. */
const RETRYABLE = new Set([409, 429, 502, 503, 504]);

/**
 * Sends one request until its answer is definite, or `MAX_TRIES` times. It waits as long as the server asks, longer after each try, and
 * with jitter.
 */
export async function untilDefinite(send: () => Promise<Answer | undefined>): Promise<Answer | undefined> {
  for (let tries = 1; tries <= MAX_TRIES; tries += 1) {
    const answer = await send();
    if (answer !== undefined && answer.status < 500 && !RETRYABLE.has(answer.status)) {
      return answer;
    }
    const retryAfterMs = Number(answer?.headers.get('retry-after') ?? 0) * 1_000;
    await sleep(retryAfterMs + Math.random() * Math.min(MAX_PAUSE_MS, 200 * 2 ** tries));
  }
  return undefined;
}

/** Adds the products of a load: the first one is scarce, the others never run out. */
export async function addProducts(operator: ApiClient): Promise<[string, ...string[]]> {
  const add = async (index: number): Promise<string> => {
    const price = { amountMinor: 100 + index, currency: 'EUR' };
    return (await operator.addProduct({ price, stock: index === 0 ? SCARCE_UNITS : 1_000_000 })).id;
  };
  return [await add(0), ...(await Promise.all(Array.from({ length: PRODUCTS - 1 }, (_, index) => add(index + 1))))];
}

/** Places orders at a steady rate, as customers with bad connections do, and keeps the history of requests and answers. */
export class RetryingLoad {
  readonly placements: Placement[] = [];
  readonly anomalies: Anomaly[] = [];
  readonly statuses = new Map<string, number>();
  cancellations = 0;
  slowestMs = 0;
  private readonly loopDelay = monitorEventLoopDelay({ resolution: 10 });

  constructor(private readonly options: RetryingLoadOptions) {}

  /** The greatest delay of this process's own event loop, in ms: the measured times are wrong by as much. */
  get lateMs(): number {
    return this.loopDelay.max / 1e6;
  }

  /** Requests without an answer, or with a 5xx. */
  get failures(): number {
    return [...this.statuses].reduce(
      (sum, [status, count]) => sum + (status === 'no answer' || status.startsWith('5') ? count : 0),
      0,
    );
  }

  /** Resolves when the time is over, `other` has settled, and every customer has an answer or has given up. */
  async run(other: Promise<unknown> = Promise.resolve()): Promise<void> {
    const { rate, seconds, answersWithinMs } = this.options;
    let otherRuns = true;
    const settled = (): void => void (otherRuns = false);
    other.then(settled, settled);
    this.loopDelay.enable();
    await atRate(
      rate,
      () => this.shop(),
      (count) => count >= rate * seconds && !otherRuns,
    );
    this.loopDelay.disable();
    if (this.slowestMs > answersWithinMs + this.lateMs) {
      this.report(`an answer took ${Math.round(this.slowestMs)} ms, more than ${answersWithinMs} ms`);
    }
  }

  private async shop(): Promise<void> {
    const { random, customers, products } = this.options;
    const customer = random.pick(customers);
    const [scarce] = products;
    const lines = random
      .shuffled(random.chance(0.15) ? [scarce] : products)
      .slice(0, random.between(1, 3))
      .map((productId) => ({ productId, quantity: random.between(1, 3) }));
    const placement = new Placement(customer, { lines, paymentToken: random.pick(PAYMENT_TOKENS) });
    this.placements.push(placement);
    const parallel = random.chance(0.1) ? 3 : 1;
    const cancelsAfterMs = random.chance(0.08) ? random.between(0, 400) : undefined;

    await Promise.all(Array.from({ length: parallel }, () => this.place(placement)));
    const [id] = placement.orderIds;
    if (id === undefined) {
      return;
    }
    // Those that sent it several times send it once more: the answer must be the same.
    if (parallel > 1) {
      await this.place(placement);
    }
    if (cancelsAfterMs === undefined) {
      return;
    }
    await sleep(cancelsAfterMs);
    this.cancellations += 1;
    await this.send(customer, `/v1/orders/${id}/cancellations`, randomUUID());
  }

  private async place({ customer, key, body, answers }: Placement): Promise<void> {
    const answer = await untilDefinite(() => this.send(customer, '/v1/orders', key, body));
    if (answer !== undefined) {
      answers.push(answer);
    }
  }

  /** Undefined when no answer came. */
  private async send(customer: ApiClient, path: string, key: string, body?: unknown): Promise<Answer | undefined> {
    const count = (outcome: string): void => void this.statuses.set(outcome, (this.statuses.get(outcome) ?? 0) + 1);
    const sentAt = performance.now();
    try {
      const options = { body, headers: { 'idempotency-key': key }, timeoutMs: TIMEOUT_MS };
      const answer = await customer.ask('POST', path, options);
      count(String(answer.status));
      this.slowestMs = Math.max(this.slowestMs, performance.now() - sentAt);
      this.judge(path, answer);
      return answer;
    } catch {
      count('no answer');
      return undefined;
    }
  }

  /** Whatever is broken, the only 5xx are 502, 503 and 504, a 503 has Retry-After, and no answer has a stack trace. */
  private judge(path: string, { status, headers, text }: Answer): void {
    const report = (what: string): void => this.report(`POST ${path}: ${what}`);
    if (status >= 500 && ![502, 503, 504].includes(status)) {
      report(`answered ${status} ${text.slice(0, 200)}`);
    }
    if (status === 503 && !headers.has('retry-after')) {
      report('answered 503 without Retry-After');
    }
    if (status === 401 || status === 429) {
      report(`answered ${status}: the load itself is wrong`);
    }
    if (/\n\s+at \S+/.test(text)) {
      report('answered with a stack trace');
    }
  }

  private report(what: string): void {
    this.anomalies.push({ at: new Date().toISOString(), what });
  }
}
