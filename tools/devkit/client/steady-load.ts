import { OrderView } from '@rookery/contracts';
import type { ApiClient } from './api-client';
import { atRate } from './pace';
import { type Answer, read } from './request';

/** An order, and how it must end. */
export interface PlacedOrder {
  readonly id: string;
  readonly productId: string;
  readonly ending: 'Confirmed' | 'payment-declined' | 'out-of-stock';
}

export interface SteadyLoadOptions {
  /** Read before each request, so that a caller can renew its token. */
  readonly client: ApiClient;
  /** A product with more than enough stock. */
  readonly plenty: string;
  /** A product without stock. */
  readonly none: string;
  /** Signs a customer in; every fiftieth request is a log-in. */
  readonly signIn: () => Promise<unknown>;
  /** Requests begun per second, however long the answers take. */
  readonly rate: number;
}

/** Sends a mix of requests at a steady rate until it is told to end. Nothing is sent twice. */
export class SteadyLoad {
  readonly orders: PlacedOrder[] = [];
  /** How many requests of each kind were answered as expected. */
  readonly answered: Record<string, number> = {};
  /** Each request with another status than the expected one, or without an answer. */
  readonly failures: string[] = [];
  private readonly ending = new AbortController();
  private running: Promise<void> = Promise.resolve();

  constructor(private readonly options: SteadyLoadOptions) {}

  start(): void {
    const { signal } = this.ending;
    this.running = atRate(
      this.options.rate,
      (count) => this.one(count),
      () => signal.aborted,
      signal,
    );
  }

  /** Resolves when every request begun has been answered. */
  async end(): Promise<void> {
    this.ending.abort();
    await this.running;
  }

  private async one(count: number): Promise<void> {
    const { plenty, none, signIn } = this.options;
    const last = this.orders.at(-1);
    if (count % 50 === 25) {
      return this.attempt('log-in', signIn);
    }
    switch (count % 8) {
      case 0:
      case 3:
        return this.place({ productId: plenty, paymentToken: 'tok_ok', ending: 'Confirmed' });
      case 1:
        return this.place({ productId: plenty, paymentToken: 'tok_declined', ending: 'payment-declined' });
      case 2:
        return this.place({ productId: none, paymentToken: 'tok_ok', ending: 'out-of-stock' });
      case 4:
        return this.get('/v1/orders?limit=5');
      case 5:
        return this.get(last === undefined ? '/v1/orders?limit=1' : `/v1/orders/${last.id}`);
      case 6:
        return this.get('/v1/products?limit=5');
      default:
        return this.get(`/v1/products/${plenty}`);
    }
  }

  private async place(order: Omit<PlacedOrder, 'id'> & { readonly paymentToken: string }): Promise<void> {
    const { productId, paymentToken, ending } = order;
    const answer = await this.send('POST', '/v1/orders', 201, { lines: [{ productId, quantity: 1 }], paymentToken });
    if (answer?.status === 201) {
      this.orders.push({ id: read(OrderView, answer).id, productId, ending });
    }
  }

  private async get(path: string): Promise<void> {
    await this.send('GET', path, 200);
  }

  private async send(method: string, path: string, expected: number, body?: unknown): Promise<Answer | undefined> {
    let answer: Answer | undefined;
    await this.attempt(`${method} ${path.replace(/\/[0-9a-f-]{36}$/, '/:id').replace(/\?.*/, '')}`, async () => {
      answer = await this.options.client.ask(method, path, { body });
      if (answer.status !== expected) {
        throw new Error(`${answer.status} ${answer.text}`);
      }
    });
    return answer;
  }

  private async attempt(what: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
      this.answered[what] = (this.answered[what] ?? 0) + 1;
    } catch (error) {
      const { message, cause } = error instanceof Error ? error : new Error(String(error));
      this.failures.push(
        `${new Date().toISOString()} ${what}: ${message} ${cause instanceof Error ? cause.message : ''}`,
      );
    }
  }
}
