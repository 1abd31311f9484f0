import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { Client } from 'pg';
import { z } from 'zod';
import { type Caller, Callers, eventProducers, recordOf, rpcEdges, Services } from '@rookery/contracts';
import { brokerLogin, inboxPrefixOf } from '@rookery/messaging';
import { eventually } from '@rookery/testing';
import { stackDatabaseUrls } from '../src/databases';

const perCaller = z.string().transform((text) => z.object(recordOf(Callers, () => z.string())).parse(JSON.parse(text)));
const environment = z
  .object({
    E2E_NATS_URL: z.url(),
    E2E_NATS_SEEDS: perCaller,
  })
  .parse(process.env);

const pairs = Services.flatMap((own) => Services.filter((other) => other !== own).map((other) => ({ own, other })));

/** Connects as one service to the database a url Callers and returns the outcome. */
async function logIn(url: string): Promise<string> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  try {
    await client.connect();
    const { rows } = await client.query<{ name: string }>('SELECT current_database() AS name');
    return rows[0]?.name ?? '';
  } catch (error) {
    return error instanceof Error ? error.message : 'unknown error';
  } finally {
    await client.end().catch(() => undefined);
  }
}

describe('the databases', () => {
  it.each(pairs)('$own cannot log in to the database of $other', async ({ own, other }) => {
    const url = new URL(stackDatabaseUrls[own]);
    url.pathname = new URL(stackDatabaseUrls[other]).pathname;
    expect(await logIn(url.href)).toMatch(/permission denied for database/);
    expect(await logIn(stackDatabaseUrls[own])).toBe(new URL(stackDatabaseUrls[own]).pathname.slice(1));
  });

  it.each(pairs)('the role of $own has no access with a guessed password of $other', async ({ own, other }) => {
    const url = new URL(stackDatabaseUrls[other]);
    url.password = new URL(stackDatabaseUrls[own]).password;
    expect(await logIn(url.href)).toMatch(/password authentication failed/);
  });
});

describe('the broker', () => {
  const connections: NatsConnection[] = [];

  /** Connects as a service and collects what the broker refuses it. */
  async function connectAs(caller: Caller): Promise<{ connection: NatsConnection; refused: string[] }> {
    const connection = await connect({
      servers: environment.E2E_NATS_URL,
      ...brokerLogin({ nkeySeed: environment.E2E_NATS_SEEDS[caller] }),
      inboxPrefix: inboxPrefixOf(caller),
    });
    connections.push(connection);
    const refused: string[] = [];
    void (async () => {
      for await (const status of connection.status()) {
        if (status.type === 'error') {
          refused.push(status.error.message);
        }
      }
    })();
    return { connection, refused };
  }

  afterAll(async () => {
    await Promise.all(connections.map((connection) => connection.close()));
  });

  it('lets nobody in without a key', async () => {
    await expect(connect({ servers: environment.E2E_NATS_URL, maxReconnectAttempts: 0 })).rejects.toThrow(
      /authorization/i,
    );
  });

  it.each(
    Callers.flatMap((caller) => eventProducers.filter((other) => other !== caller).map((other) => ({ caller, other }))),
  )('$caller cannot publish an event of $other', async ({ caller, other }) => {
    const { connection, refused } = await connectAs(caller);
    const subject = `events.${other}.order.order-confirmed.v1`;
    await expect(jetstream(connection).publish(subject, '{}', { timeout: 500 })).rejects.toThrow();
    await eventually(() => {
      expect(refused.join()).toContain(`Publish to "${subject}"`);
    });
  });

  it.each(
    Callers.flatMap((caller) =>
      Services.filter((other) => other !== caller && !rpcEdges[caller].includes(other)).map((other) => ({
        caller,
        other,
      })),
    ),
  )('$caller cannot call $other, which is no edge of the context map', async ({ caller, other }) => {
    const { connection, refused } = await connectAs(caller);
    connection.publish(`rpc.${other}.get`, '{}');
    await eventually(() => {
      expect(refused.join()).toContain(`Publish to "rpc.${other}.get"`);
    });
  });

  it.each(Callers)('%s can neither make a stream, nor read another’s answers or requests', async (caller) => {
    const { connection, refused } = await connectAs(caller);
    const other = Callers.find((name) => name !== caller) ?? 'gateway';
    connection.publish('$JS.API.STREAM.CREATE.STOLEN', '{}');
    connection.publish('$JS.API.STREAM.DELETE.ORDERS', '');
    connection.subscribe(`${inboxPrefixOf(other)}.>`);
    connection.subscribe(caller === 'orders' ? 'rpc.payments.>' : 'rpc.orders.>');
    connection.subscribe('>');
    await eventually(() => {
      expect(refused.filter((message) => /permissions violation/i.test(message))).toHaveLength(5);
    });
  });

  it.each(Callers)('%s can make no stream and no consumer of another', async (caller) => {
    const { connection, refused } = await connectAs(caller);
    const streams = eventProducers.filter((producer) => producer !== caller).map((producer) => producer.toUpperCase());
    const consumers = streams.flatMap((stream) =>
      Services.filter((service) => service !== caller).map((service) => `${stream}.${service}`),
    );
    const subjects = [
      ...streams.map((stream) => `$JS.API.STREAM.CREATE.${stream}`),
      ...consumers.map((consumer) => `$JS.API.CONSUMER.CREATE.${consumer}`),
    ];
    for (const subject of subjects) {
      connection.publish(subject, '{}');
    }
    await eventually(() => {
      for (const subject of subjects) {
        expect(refused.join()).toContain(`Publish to "${subject}"`);
      }
    });
  });
});
