import { randomUUID } from 'node:crypto';
import type { NatsConnection } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { z } from 'zod';
import { DeadLetterPage, type OrderView, type Service } from '@rookery/contracts';
import { plantDeadLetter } from '@rookery/devkit/stack/planted-events';
import { brokerLogin } from '@rookery/messaging';
import { uuidv7 } from '@rookery/platform';
import { eventually } from '@rookery/testing';
import { type ApiClient, clientOf, read, request } from './client';
import { newCustomer, newOperator } from './customer';
import type { Databases } from './databases';

/** One request that changes something. */
export interface Write {
  readonly path: string;
  readonly body?: unknown;
}

/** A request that nobody has sent before, and what there is to know about it. */
export interface FreshWrite extends Write {
  /** Differs in what it asks for. */
  readonly other: Write;
  /** Of the same person, and refused. */
  readonly refused: Write;
  /** How often it has taken effect. */
  readonly effects: () => Promise<number>;
}

/** A route that takes an Idempotency-Key: what specs need to try it. */
export interface KeyedWrite {
  /** The service that keeps the key. */
  readonly service: Service;
  readonly status: number;
  /** Undefined when anybody may ask. */
  readonly who: 'customers' | 'operators' | 'nobody';
  readonly fresh: (who: ApiClient) => Promise<FreshWrite>;
}

const Seeds = z.looseObject({ admin: z.string() });

/** Every route that takes a key, by operation id. */
export function keyedWrites(databases: Databases, operator: () => ApiClient): Readonly<Record<string, KeyedWrite>> {
  const pending = (who: ApiClient): Promise<OrderView> => boughtFrom(who, operator(), 'tok_slow');
  return {
    'Products.create': {
      service: 'products',
      status: 201,
      who: 'operators',
      fresh: async () => {
        const taken = await operator().addProduct();
        const sku = `KEYED-${randomUUID()}`;
        const body = { sku, name: 'Nest', price: { amountMinor: 1_250, currency: 'EUR' }, stock: 3 };
        const path = '/v1/products';
        return {
          ...{ path, body },
          other: { path, body: { ...body, stock: 4 } },
          refused: { path, body: { ...body, sku: taken.sku } },
          effects: () => databases.count('products', 'products WHERE sku = $1', [sku]),
        };
      },
    },
    'Products.adjustStock': {
      service: 'products',
      status: 200,
      who: 'operators',
      fresh: async () => {
        const { id } = await operator().addProduct({ stock: 5 });
        const path = `/v1/products/${id}/stock-adjustments`;
        return {
          ...{ path, body: { delta: 10, reason: 'delivery' } },
          other: {
            path: `/v1/products/${(await operator().addProduct()).id}/stock-adjustments`,
            body: { delta: 10, reason: 'delivery' },
          },
          refused: { path, body: { delta: -1_000, reason: 'broken' } },
          effects: () => databases.count('products', 'stock_adjustments WHERE product_id = $1', [id]),
        };
      },
    },
    'Orders.place': {
      service: 'orders',
      status: 201,
      who: 'customers',
      fresh: async () => {
        const { id: productId } = await operator().addProduct();
        const order = (quantity: number, id = productId) => ({
          lines: [{ productId: id, quantity }],
          paymentToken: 'tok_ok',
        });
        const path = '/v1/orders';
        return {
          ...{ path, body: order(1) },
          other: { path, body: order(2) },
          refused: { path, body: order(1, uuidv7()) },
          effects: () =>
            databases.count('orders', 'orders WHERE lines @> $1::jsonb', [JSON.stringify([{ productId }])]),
        };
      },
    },
    'Orders.cancel': {
      service: 'orders',
      status: 202,
      who: 'customers',
      fresh: async (who) => {
        const [order, another] = await Promise.all([pending(who), pending(who)]);
        const pathOf = (id: string) => `/v1/orders/${id}/cancellations`;
        return {
          path: pathOf(order.id),
          other: { path: pathOf(another.id) },
          refused: { path: pathOf(uuidv7()) },
          effects: () =>
            databases.count('orders', `outbox WHERE aggregate_id = $1 AND name = 'OrderCanceled'`, [order.id]),
        };
      },
    },
    'Accounts.register': {
      service: 'auth',
      status: 201,
      who: 'nobody',
      fresh: async () => {
        const email = `${randomUUID()}@keyed.example`;
        const body = { email, password: randomUUID(), name: 'Wren' };
        const path = '/v1/accounts';
        return {
          ...{ path, body },
          other: { path, body: { ...body, password: randomUUID() } },
          refused: { path, body: { ...body, password: email } },
          effects: () => databases.count('auth', 'users WHERE email = $1', [email]),
        };
      },
    },
    'DeadLetters.replay': {
      service: 'payments',
      status: 200,
      who: 'operators',
      fresh: async () => {
        const [id, another] = await withBroker(async (broker) => [
          await deadLetter(broker, operator()),
          await deadLetter(broker, operator()),
        ]);
        const pathOf = (letter: string) => `/v1/ops/dead-letters/${letter}/replays`;
        return {
          path: pathOf(id),
          other: { path: pathOf(another) },
          refused: { path: pathOf('payments-999999999') },
          effects: () =>
            databases.count('payments', `ops_audit WHERE target = $1 AND action = 'replay-dead-letter'`, [id]),
        };
      },
    },
    'Reconciliations.reconcile': {
      service: 'orders',
      status: 200,
      who: 'operators',
      fresh: async () => {
        const path = '/v1/ops/reconciliations';
        // A moment of its own: the answer names it.
        const since = new Date(Date.now() - 3_600_000 - Math.floor(Math.random() * 3_600_000)).toISOString();
        return {
          ...{ path, body: { since } },
          other: { path, body: { since: new Date(0).toISOString() } },
          refused: { path, body: {} },
          // It changes nothing: what there is of it is its answer.
          effects: () =>
            databases.count('orders', `idempotency_key WHERE response <> '' AND response LIKE $1`, [
              `%"from":"${since}"%`,
            ]),
        };
      },
    },
  };
}

async function boughtFrom(who: ApiClient, operator: ApiClient, paymentToken: string): Promise<OrderView> {
  const { id } = await operator.addProduct();
  return who.buy(id, 1, paymentToken);
}

async function withBroker<T>(work: (broker: NatsConnection) => Promise<T>): Promise<T> {
  const { E2E_NATS_URL: servers, E2E_NATS_SEEDS: seeds } = z
    .object({ E2E_NATS_URL: z.url(), E2E_NATS_SEEDS: z.string().transform((text) => Seeds.parse(JSON.parse(text))) })
    .parse(process.env);
  const broker = await connect({ servers, ...brokerLogin({ nkeySeed: seeds.admin }) });
  try {
    return await work(broker);
  } finally {
    await broker.close();
  }
}

/** Sets an event aside at payments that it can handle, and returns the letter's id. */
async function deadLetter(broker: NatsConnection, { token }: ApiClient): Promise<string> {
  const eventId = await plantDeadLetter(broker);
  return eventually(async () => {
    const path = '/v1/ops/dead-letters?consumer=payments&limit=100';
    const { items } = read(DeadLetterPage, await request('GET', path, { token }));
    const letter = items.find((candidate) => candidate.eventId === eventId);
    if (letter === undefined) {
      throw new Error(`there is no dead letter of ${eventId}`);
    }
    return letter.id;
  });
}

/** Somebody of this kind whom nobody else of the tests knows. */
export async function someone(who: KeyedWrite['who'], databases: Databases): Promise<ApiClient> {
  switch (who) {
    case 'nobody':
      return clientOf('');
    case 'customers':
      return newCustomer();
    case 'operators':
      return newOperator(databases);
  }
}
