import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { z } from 'zod';
import {
  type CreateProduct,
  OrderPage,
  OrderView,
  PaymentList,
  type PlaceOrder,
  ProductPage,
  ProductView,
  Timeline,
} from '@rookery/contracts';
import { type Answer, read, request, type RequestOptions } from './request';
import { demoPassword, signIn } from './sign-in';

const POLL_MS = 200;

/** Where a system answers. */
export interface SystemUrls {
  readonly gatewayUrl: string;
  readonly authUrl: string;
}

/** An access token of a demo user, through the real log-in pages. */
export const tokenOf = async (authUrl: string, login: string): Promise<string> =>
  (await signIn({ issuer: authUrl, login, password: demoPassword(login) })).access_token;

/** An answer with another status than the expected one. */
export class UnexpectedAnswer extends Error {}

/** The public API of one gateway, as the holder of one token uses it. */
export class ApiClient {
  constructor(
    readonly gateway: string,
    /** An empty one is not sent. */
    readonly token = '',
    /** For reports. */
    readonly name = 'anonymous',
  ) {}

  /** Signs a demo user in. */
  static async signIn({ gatewayUrl, authUrl }: SystemUrls, login: string): Promise<ApiClient> {
    return new ApiClient(gatewayUrl, await tokenOf(authUrl, login), login);
  }

  /** Any request, as this client. */
  ask(method: string, path: string, options: Omit<RequestOptions, 'gateway' | 'token'> = {}): Promise<Answer> {
    return request(method, path, {
      ...options,
      token: this.token === '' ? undefined : this.token,
      gateway: this.gateway,
    });
  }

  /** @throws {UnexpectedAnswer} when the status is not 200 */
  async get<Schema extends z.ZodType>(schema: Schema, path: string): Promise<z.output<Schema>> {
    return read(schema, expected(200, path, await this.ask('GET', path)));
  }

  /** @throws {UnexpectedAnswer} when the answer has another status */
  async post<Schema extends z.ZodType>(
    schema: Schema,
    path: string,
    body: unknown,
    status = 201,
  ): Promise<z.output<Schema>> {
    return read(schema, expected(status, path, await this.ask('POST', path, { body })));
  }

  place(order: z.input<typeof PlaceOrder>, idempotencyKey: string = randomUUID()): Promise<Answer> {
    return this.ask('POST', '/v1/orders', { body: order, headers: { 'idempotency-key': idempotencyKey } });
  }

  /** Places an order for one product. */
  buy(productId: string, quantity: number, paymentToken = 'tok_ok'): Promise<OrderView> {
    return this.post(OrderView, '/v1/orders', { lines: [{ productId, quantity }], paymentToken });
  }

  order(id: string): Promise<OrderView> {
    return this.get(OrderView, `/v1/orders/${id}`);
  }

  orders(query = ''): Promise<OrderPage> {
    return this.get(OrderPage, `/v1/orders${query}`);
  }

  /** Names of an order's events, oldest first. */
  async timeline(id: string): Promise<readonly string[]> {
    return (await this.get(Timeline, `/v1/orders/${id}/timeline`)).items.map(({ event }) => event);
  }

  payments(orderId: string): Promise<PaymentList> {
    return this.get(PaymentList, `/v1/payments?orderId=${orderId}`);
  }

  cancel(id: string): Promise<Answer> {
    return this.ask('POST', `/v1/orders/${id}/cancellations`);
  }

  /**
   * The order once it has left Pending. A failed read is repeated.
   * @throws {Error} when it is still Pending after `timeoutMs`
   */
  async ended(id: string, timeoutMs = 20_000): Promise<OrderView> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const order = await this.order(id).catch((error: unknown) => {
        if (Date.now() > deadline) {
          throw error;
        }
      });
      if (order !== undefined && order.status !== 'Pending') {
        return order;
      }
      if (Date.now() > deadline) {
        throw new Error(`order ${id} is still Pending after ${timeoutMs} ms`);
      }
      await sleep(POLL_MS);
    }
  }

  /** Adds a product, as an operator; what is not given has a default. */
  addProduct(product: Partial<CreateProduct> = {}): Promise<ProductView> {
    return this.post(ProductView, '/v1/products', {
      sku: `SKU-${randomUUID()}`,
      name: 'Nest box',
      category: 'test',
      price: { amountMinor: 1_250, currency: 'EUR' },
      stock: 100,
      ...product,
    });
  }

  product(id: string): Promise<ProductView> {
    return this.get(ProductView, `/v1/products/${id}`);
  }

  products(query = ''): Promise<ProductPage> {
    return this.get(ProductPage, `/v1/products${query}`);
  }
}

function expected(status: number, path: string, answer: Answer): Answer {
  if (answer.status !== status) {
    throw new UnexpectedAnswer(`${path} was answered ${answer.status} ${answer.text}`);
  }
  return answer;
}
