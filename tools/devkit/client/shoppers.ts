import { randomUUID } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { OrderView, type PlaceOrder } from '@rookery/contracts';
import type { z } from 'zod';
import type { Random } from './random';

/** A key that a customer placed an order under, and every answer to it. */
export interface Placing {
  readonly key: string;
  readonly customer: string;
  readonly body: z.input<typeof PlaceOrder>;
  /** Definite answers, in the order in which they came; a try without one is not here. */
  readonly answers: Answer[];
  /** Tries whose outcome is unknown: connection lost or timed out, or a 5xx. */
  unknowns: number;
}

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly text: string;
  /** How long the server asked the customer to wait; 0 when it did not. */
  readonly retryAfterMs: number;
}

/** A customer's access token, renewed by whoever owns it. */
export interface Customer {
  readonly name: string;
  readonly token: string;
}

/** What went wrong by itself, seen from outside: an answer that is never right, whatever is broken. */
export interface Oddity {
  readonly at: string;
  readonly what: string;
}

export interface LoadOptions {
  readonly gatewayUrl: string;
  readonly customers: readonly [Customer, ...Customer[]];
  /** The first ones are few and wanted by many. */
  readonly products: readonly [string, ...string[]];
  readonly rate: number;
  readonly seconds: number;
  readonly random: Random;
  /** Later than this no answer may come. */
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
const ANSWER_WITHIN_MS = 8_000;
/** A customer who does not know whether the order was taken asks again with the same key, this often at most. */
const MOST_TRIES = 12;
const LONGEST_PAUSE_MS = 6_000;
/** Answers that say "later" and mean it: the customer tries again with the same key. */
const LATER = new Set([409, 429, 502, 503, 504]);

/** Places orders at a steady rate, as customers with bad connections do, and keeps what was asked and answered. */
export class Load {
  readonly placings: Placing[] = [];
  readonly oddities: Oddity[] = [];
  readonly statuses = new Map<string, number>();
  cancellations = 0;
  slowestMs = 0;
  private readonly loopDelay = monitorEventLoopDelay({ resolution: 10 });
  private readonly inHand = new Set<Promise<void>>();

  constructor(private readonly options: LoadOptions) {}

  /** How late the customers' own process was at worst, in ms: their clocks are wrong by as much. */
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

  /** Resolves when the time is over and, if told, something else has ended, and every customer has an answer or has given up. */
  async run(other: Promise<unknown> = Promise.resolve()): Promise<void> {
    const { rate, seconds, answersWithinMs } = this.options;
    const going = { on: true };
    const stop = (): void => void (going.on = false);
    other.then(stop, stop);
    this.loopDelay.enable();
    const startedAt = performance.now();
    for (let count = 0; count < rate * seconds || going.on; count += 1) {
      const due = startedAt + (count * 1_000) / rate;
      const waitMs = due - performance.now();
      if (waitMs > 0) await sleep(waitMs);
      this.begin();
    }
    await Promise.all(this.inHand);
    this.loopDelay.disable();
    if (this.slowestMs > answersWithinMs + this.lateMs)
      this.oddities.push({
        at: new Date().toISOString(),
        what: `an answer took ${Math.round(this.slowestMs)} ms, more than ${answersWithinMs} ms`,
      });
  }

  private begin(): void {
    const { random, customers, products } = this.options;
    const { name, token } = random.pick(customers);
    const [hot] = products;
    const lines = random
      .shuffled(random.chance(0.15) ? [hot] : products)
      .slice(0, random.between(1, 3))
      .map((productId) => ({ productId, quantity: random.between(1, 3) }));
    const placing: Placing = {
      key: randomUUID(),
      customer: name,
      body: { lines, paymentToken: random.pick(PAYMENT_TOKENS) },
      answers: [],
      unknowns: 0,
    };
    this.placings.push(placing);
    const parallel = random.chance(0.1) ? 3 : 1;
    const cancels = random.chance(0.08) ? random.between(0, 400) : undefined;
    const work = this.shop(placing, token, parallel, cancels).finally(() => this.inHand.delete(work));
    this.inHand.add(work);
  }

  private async shop(
    placing: Placing,
    token: string,
    parallel: number,
    cancelsAfterMs: number | undefined,
  ): Promise<void> {
    await Promise.all(Array.from({ length: parallel }, () => this.untilAnswered(placing, token)));
    const placed = placing.answers.find(({ status }) => status === 201);
    if (placed === undefined) return;
    // Half of the customers ask once more, to see the same answer.
    if (parallel > 1) await this.untilAnswered(placing, token);
    if (cancelsAfterMs === undefined) return;
    await sleep(cancelsAfterMs);
    const { id } = OrderView.parse(JSON.parse(placed.text));
    this.cancellations += 1;
    await this.send(`/v1/orders/${id}/cancellations`, token, { 'idempotency-key': randomUUID() });
  }

  private async untilAnswered(placing: Placing, token: string): Promise<void> {
    for (let tries = 1; tries <= MOST_TRIES; tries += 1) {
      const answer = await this.send('/v1/orders', token, { 'idempotency-key': placing.key }, placing.body);
      if (answer === undefined || answer.status >= 500) placing.unknowns += 1;
      else if (!LATER.has(answer.status)) {
        placing.answers.push(answer);
        return;
      }
      // As a well-behaved client: not before the server asked for, later each time, and not all at once.
      await sleep((answer?.retryAfterMs ?? 0) + Math.random() * Math.min(LONGEST_PAUSE_MS, 200 * 2 ** tries));
    }
  }

  /** Undefined when no answer came. */
  private async send(
    path: string,
    token: string,
    headers: Record<string, string>,
    body?: unknown,
  ): Promise<Answer | undefined> {
    const count = (outcome: string): void => void this.statuses.set(outcome, (this.statuses.get(outcome) ?? 0) + 1);
    const sentAt = performance.now();
    try {
      const response = await fetch(new URL(path, this.options.gatewayUrl), {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          ...headers,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
      const { status } = response;
      const text = await response.text();
      count(String(status));
      this.slowestMs = Math.max(this.slowestMs, performance.now() - sentAt);
      const retryAfter = response.headers.get('retry-after');
      this.judge(path, status, retryAfter, text);
      return { status, text, retryAfterMs: Number(retryAfter) * 1_000 };
    } catch {
      count('no answer');
      return undefined;
    }
  }

  /** Whatever is broken, the only 5xx are 502, 503 and 504, a 503 says when to come back, and each is a problem without a stack. */
  private judge(path: string, status: number, retryAfter: string | null, text: string): void {
    const say = (what: string): void =>
      void this.oddities.push({ at: new Date().toISOString(), what: `POST ${path}: ${what}` });
    if (status >= 500 && ![502, 503, 504].includes(status)) say(`answered ${status} ${text.slice(0, 200)}`);
    if (status === 503 && retryAfter === null) say('answered 503 without Retry-After');
    if (status === 401 || status === 429) say(`answered ${status}: the load itself is wrong`);
    if (/\n\s+at \S+/.test(text)) say('answered with a stack trace');
  }
}
