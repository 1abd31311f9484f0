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
import { read, request as send, type Answer, type RequestOptions as AnyRequest } from '@rookery/devkit/client/request';
import { gatewayUrl } from './environment';

export { read, type Answer };

/** What a request has besides method and path; the gateway is the stack's own unless told. */
export type RequestOptions = Omit<AnyRequest, 'gateway'> & { readonly gateway?: string | undefined };

/** Sends one request as the holder of a token, or as nobody. */
export const request = (method: string, path: string, options: RequestOptions = {}): Promise<Answer> =>
  send(method, path, { ...options, gateway: options.gateway ?? gatewayUrl });

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
