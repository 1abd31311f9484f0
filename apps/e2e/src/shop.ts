import {
  OrderPage,
  OrderView,
  PaymentList,
  type PlaceOrder,
  Problem,
  ProductPage,
  ProductView,
  Timeline,
  type CreateProduct,
} from '@rookery/contracts';
import { eventually } from '@rookery/testing';
import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import { gatewayUrl } from './environment';

/** One answer of the gateway: status, headers and the exact body. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** The body of an answer, checked against its published schema. */
export function read<Schema extends z.ZodType>(schema: Schema, answer: Answer): z.output<Schema> {
  return schema.parse(JSON.parse(answer.text));
}

/** What a request has besides method and path. */
export interface RequestOptions {
  readonly token?: string | undefined;
  /** A text is sent as it is, anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Another gateway than the stack's own. */
  readonly gateway?: string | undefined;
}

/** Sends one request to the gateway as the holder of a token, or as nobody. */
export async function request(method: string, path: string, options: RequestOptions = {}): Promise<Answer> {
  const { token, body, headers, gateway = gatewayUrl } = options;
  const response = await fetch(new URL(path, gateway), {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** What a person does with the shop, as the holder of a token. */
export class Shopper {
  constructor(
    readonly token: string,
    /** Another gateway than the stack's own. */
    protected readonly gateway = gatewayUrl,
  ) {}

  /** Any request, as this person. */
  ask(method: string, path: string, options: Pick<RequestOptions, 'body' | 'headers'> = {}): Promise<Answer> {
    return request(method, path, { ...options, token: this.token, gateway: this.gateway });
  }

  place(order: z.input<typeof PlaceOrder>, idempotencyKey: string = randomUUID()): Promise<Answer> {
    return this.ask('POST', '/v1/orders', { body: order, headers: { 'idempotency-key': idempotencyKey } });
  }

  /** Places an order for one product and expects it to be taken. */
  async buy(productId: string, quantity: number, paymentToken = 'tok_ok'): Promise<OrderView> {
    const answer = await this.place({ lines: [{ productId, quantity }], paymentToken });
    expect(answer).toMatchObject({ status: 201 });
    return read(OrderView, answer);
  }

  async order(id: string): Promise<OrderView> {
    return read(OrderView, await this.ask('GET', `/v1/orders/${id}`));
  }

  async orders(query = ''): Promise<OrderPage> {
    return read(OrderPage, await this.ask('GET', `/v1/orders${query}`));
  }

  async timeline(id: string): Promise<readonly string[]> {
    const answer = await this.ask('GET', `/v1/orders/${id}/timeline`);
    return read(Timeline, answer).items.map((entry) => entry.event);
  }

  async payments(orderId: string): Promise<PaymentList> {
    return read(PaymentList, await this.ask('GET', `/v1/payments?orderId=${orderId}`));
  }

  cancel(id: string): Promise<Answer> {
    return this.ask('POST', `/v1/orders/${id}/cancellations`);
  }

  /** The order once it has left Pending. */
  ended(id: string, timeoutMs = 20_000): Promise<OrderView> {
    return eventually(
      async () => {
        const order = await this.order(id);
        expect(order.status).not.toBe('Pending');
        return order;
      },
      { timeoutMs },
    );
  }
}

/** What an operator does with the catalogue. */
export class Operator extends Shopper {
  async add(product: Partial<CreateProduct> = {}): Promise<ProductView> {
    const answer = await this.ask('POST', '/v1/products', {
      body: {
        sku: `E2E-${randomUUID()}`,
        name: 'A product of the end-to-end tests',
        category: 'e2e',
        price: { amountMinor: 1_250, currency: 'EUR' },
        stock: 100,
        ...product,
      },
    });
    expect(answer).toMatchObject({ status: 201 });
    return read(ProductView, answer);
  }
}

export async function product(id: string, gateway?: string): Promise<ProductView> {
  return read(ProductView, await request('GET', `/v1/products/${id}`, { gateway }));
}

export async function products(query = ''): Promise<ProductPage> {
  return read(ProductPage, await request('GET', `/v1/products${query}`));
}

/** The problem an answer carries; fails when it is not one. */
export function problem(answer: Answer): Problem {
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  const parsed = read(Problem, answer);
  expect(parsed.status).toBe(answer.status);
  expect(parsed.correlationId).toBe(answer.headers.get('x-correlation-id'));
  return parsed;
}
