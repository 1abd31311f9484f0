import type { StoredEvent } from '@rookery/contracts';
import { eventually, type TestDatabase } from '@rookery/testing';
import { Wallet } from '../test/wallet';
import { walletDatabase, walletService, type WalletService } from '../test/wallet-service';
import { type OutboxPublisher, POLL_MS } from './outbox-relay';

/** A substitute of the broker that keeps the events and fails on demand. */
class Stream implements OutboxPublisher {
  readonly messages: StoredEvent[] = [];
  fault: ((message: StoredEvent) => Promise<void> | void) | undefined;

  async publish(message: StoredEvent): Promise<void> {
    await this.fault?.(message);
    this.messages.push(message);
  }

  sequencesOf(aggregateId: string): readonly number[] {
    return this.messages.filter((message) => message.aggregateId === aggregateId).map(({ sequence }) => sequence);
  }
}

const relaySessions = `SELECT pid FROM pg_stat_activity
  WHERE datname = current_database() AND application_name = 'outbox-relay'
    AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted)`;

describe('OutboxRelay', () => {
  let database: TestDatabase;
  const services: WalletService[] = [];

  const started = async (): Promise<WalletService> => {
    const service = await walletService(database);
    services.push(service);
    return service;
  };
  const unpublished = async (): Promise<number> => {
    const [row] = await database.query<{ count: number }>(
      'SELECT count(*)::integer AS count FROM outbox WHERE published_at IS NULL',
    );
    return row?.count ?? Number.NaN;
  };
  const openWallet = async (service: WalletService): Promise<Wallet> => {
    const wallet = Wallet.open();
    await service.wallets.add(wallet);
    return wallet;
  };

  beforeEach(async () => {
    database = await walletDatabase();
  });

  afterEach(async () => {
    await Promise.all(services.splice(0).map((service) => service.stop()));
    await database.drop();
  });

  it('publishes an event as it was recorded, soon after the commit', async () => {
    const service = await started();
    const stream = new Stream();
    service.relay.start(stream);
    await eventually(async () => expect(await database.query(relaySessions)).toHaveLength(1));

    const wallet = await openWallet(service);
    await eventually(() => expect(stream.messages).toHaveLength(1), { intervalMs: 5 });
    // Polling alone, each of these would wait for the next poll.
    const startedAt = performance.now();
    for (let count = 2; count <= 21; count += 1) {
      await openWallet(service);
      await eventually(() => expect(stream.messages).toHaveLength(count), { intervalMs: 5 });
    }
    expect(performance.now() - startedAt).toBeLessThan(20 * 0.6 * POLL_MS);
    const [message] = stream.messages;
    expect(message).toMatchObject({
      name: 'ProductChanged',
      source: 'products',
      subject: 'events.products.product.product-changed.v1',
      aggregateId: wallet.id,
      sequence: 1,
      time: wallet.createdAt.toISOString(),
      causationId: null,
    });
    expect(JSON.parse(message?.data ?? '')).toEqual({ productId: wallet.id, version: 1, change: 'created' });
    await eventually(async () => expect(await unpublished()).toBe(0));
  });

  it('publishes events of another process', async () => {
    const [writer, relaying] = [await started(), await started()];
    const stream = new Stream();
    relaying.relay.start(stream);

    const { id } = await openWallet(writer);

    await eventually(() => expect(stream.sequencesOf(id)).toEqual([1]));
  });

  it('keeps the order of each aggregate under parallel writers', async () => {
    const service = await started();
    const stream = new Stream();
    service.relay.start(stream);
    const wallets = await Promise.all(Array.from({ length: 10 }, () => openWallet(service)));

    await Promise.all(
      wallets.flatMap(({ id }) =>
        Array.from({ length: 20 }, () => service.wallets.update(id, (wallet) => wallet.deposit(1))),
      ),
    );

    await eventually(async () => expect(await unpublished()).toBe(0));
    const inOrder = Array.from({ length: 21 }, (_, index) => index + 1);
    for (const { id } of wallets) {
      expect(stream.sequencesOf(id)).toEqual(inOrder);
    }
  });

  it('publishes an event whose transaction commits after that of a later one', async () => {
    const service = await started();
    const stream = new Stream();
    service.relay.start(stream);
    const written = Promise.withResolvers<string>();
    const mayCommit = Promise.withResolvers<undefined>();
    const slow = service.unitOfWork.run(async () => {
      written.resolve((await openWallet(service)).id);
      await mayCommit.promise;
    });
    const early = await written.promise;
    const { id: late } = await openWallet(service);
    await eventually(() => expect(stream.sequencesOf(late)).toEqual([1]));

    mayCommit.resolve(undefined);
    await slow;

    await eventually(() => expect(stream.sequencesOf(early)).toEqual([1]));
  });

  it('retries while the broker is down, and lets no later event of the aggregate overtake', async () => {
    const service = await started();
    const stream = new Stream();
    let refused = 0;
    const broken = await openWallet(service);
    stream.fault = (message) => {
      if (message.aggregateId !== broken.id || message.sequence !== 1) {
        return;
      }
      refused += 1;
      if (refused < 4) {
        throw new Error('the broker is down');
      }
    };
    await service.wallets.update(broken.id, (wallet) => wallet.deposit(1));
    const healthy = await openWallet(service);

    service.relay.start(stream);

    await eventually(() => expect(stream.sequencesOf(broken.id)).toEqual([1, 2]));
    expect(refused).toBe(4);
    expect(stream.sequencesOf(healthy.id)).toEqual([1]);
    await eventually(async () => expect(await unpublished()).toBe(0));
  });

  it('publishes again, with the same id, after a crash between publishing and marking', async () => {
    const service = await started();
    const stream = new Stream();
    const { id } = await openWallet(service);
    stream.fault = async (message) => {
      stream.fault = undefined;
      // The broker has stored the event, and the connection that would mark it dies.
      stream.messages.push(message);
      await database.query(`SELECT pg_terminate_backend(pid) FROM (${relaySessions}) AS relay`);
      throw new Error('crashed');
    };

    service.relay.start(stream);

    await eventually(() => expect(stream.sequencesOf(id)).toEqual([1, 1]));
    expect(new Set(stream.messages.map((message) => message.id)).size).toBe(1);
    await eventually(async () => expect(await unpublished()).toBe(0));
  });

  it('has one active relay of two; the other takes over when the connection is lost', async () => {
    const [first, second] = [await started(), await started()];
    const streams = { first: new Stream(), second: new Stream() };
    first.relay.start(streams.first);
    await eventually(async () => expect(await database.query(relaySessions)).toHaveLength(1));
    second.relay.start(streams.second);
    const written: string[] = [];
    for (let count = 0; count < 5; count += 1) {
      written.push((await openWallet(second)).id);
    }
    await eventually(async () => expect(await unpublished()).toBe(0));
    expect(streams.first.messages).toHaveLength(5);
    expect(streams.second.messages).toHaveLength(0);

    // The first relay waits in its publisher, so that only the second one can take over.
    const [waits, mayGoOn] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    streams.first.fault = () => {
      waits.resolve(undefined);
      return mayGoOn.promise;
    };
    const { id } = await openWallet(second);
    await waits.promise;
    await database.query(`SELECT pg_terminate_backend(pid) FROM (${relaySessions}) AS relay`);

    await eventually(() => expect(streams.second.sequencesOf(id)).toEqual([1]));
    await eventually(async () => expect(await unpublished()).toBe(0));
    mayGoOn.resolve(undefined);
  });

  it('stops publishing once the connection that holds the lock is lost', async () => {
    const service = await started();
    const stream = new Stream();
    const { id } = await openWallet(service);
    for (let count = 0; count < 3; count += 1) {
      await service.wallets.update(id, (wallet) => wallet.deposit(1));
    }
    const other = await started();
    const otherStream = new Stream();
    stream.fault = async () => {
      stream.fault = undefined;
      await database.query(`SELECT pg_terminate_backend(pid) FROM (${relaySessions}) AS relay`);
      other.relay.start(otherStream);
      await eventually(() => expect(otherStream.sequencesOf(id)).toEqual([1, 2, 3, 4]));
    };

    service.relay.start(stream);

    await eventually(async () => expect(await unpublished()).toBe(0));
    await service.relay.stop();
    expect(stream.sequencesOf(id)).toEqual([1]);
  });

  it('releases the lock at once when it is stopped', async () => {
    const [first, second] = [await started(), await started()];
    const streams = { first: new Stream(), second: new Stream() };
    first.relay.start(streams.first);
    await eventually(async () => expect(await database.query(relaySessions)).toHaveLength(1));
    second.relay.start(streams.second);

    await first.relay.stop();
    const { id } = await openWallet(second);

    await eventually(() => expect(streams.second.sequencesOf(id)).toEqual([1]));
  });

  it('leaves unpublished events to the next process when it is stopped', async () => {
    const [first, second] = [await started(), await started()];
    const streams = { first: new Stream(), second: new Stream() };
    const { id } = await openWallet(first);
    for (let count = 0; count < 3; count += 1) {
      await first.wallets.update(id, (wallet) => wallet.deposit(1));
    }
    const stopped = Promise.withResolvers<undefined>();
    streams.first.fault = () => {
      first.relay.stop().then(() => stopped.resolve(undefined), stopped.reject);
    };

    first.relay.start(streams.first);
    await stopped.promise;
    second.relay.start(streams.second);

    await eventually(async () => expect(await unpublished()).toBe(0));
    expect(streams.first.sequencesOf(id)).toEqual([1]);
    expect(streams.second.sequencesOf(id)).toEqual([2, 3, 4]);
  });

  it('republishes all events since a time after the broker lost its store', async () => {
    const service = await started();
    const stream = new Stream();
    service.relay.start(stream);
    const { id } = await openWallet(service);
    await eventually(async () => expect(await unpublished()).toBe(0));

    expect(await service.outbox.republish(new Date(0))).toBe(1);

    await eventually(() => expect(stream.sequencesOf(id)).toEqual([1, 1]));
  });

  it('reports the number and age of unpublished events', async () => {
    const service = await started();
    const stream = new Stream();
    stream.fault = () => Promise.reject(new Error('the broker is down'));
    await openWallet(service);
    await database.query(`UPDATE outbox SET occurred_at = now() - interval '90 seconds'`);

    service.relay.start(stream);

    const metrics = await service.metrics.registry.metrics();
    expect(metrics).toContain('outbox_unpublished_events 1');
    expect(Number(/^outbox_oldest_unpublished_age_seconds ([0-9.]+)$/m.exec(metrics)?.[1])).toBeGreaterThanOrEqual(90);
  });

  it('counts attempts by outcome, and published events', async () => {
    const service = await started();
    const stream = new Stream();
    let failures = 0;
    stream.fault = () => {
      failures += 1;
      return failures <= 2 ? Promise.reject(new Error('the broker is down')) : Promise.resolve();
    };
    await openWallet(service);

    service.relay.start(stream);

    await eventually(async () => {
      const metrics = await service.metrics.registry.metrics();
      expect(metrics).toContain('outbox_publish_attempts_total{outcome="failed"} 2');
      expect(metrics).toContain('outbox_publish_attempts_total{outcome="stored"} 1');
      expect(metrics).toContain('outbox_published_events_total 1');
    });
  });

  it('deletes published events after a day, inbox records after nine and expired answers, and nothing unpublished', async () => {
    const service = await started();
    for (let count = 0; count < 3; count += 1) {
      await openWallet(service);
    }
    await database.query(`UPDATE outbox SET published_at = now() - interval '25 hours' WHERE id = 1`);
    await database.query(`UPDATE outbox SET published_at = now() - interval '23 hours' WHERE id = 2`);
    await database.query(`
      INSERT INTO inbox (consumer, event_id, aggregate_id, sequence, processed_at)
      SELECT 'wallets', gen_random_uuid(), gen_random_uuid(), days, now() - make_interval(days => days)
      FROM unnest(ARRAY[8, 10]) AS days`);
    await database.query(`
      INSERT INTO idempotency_key
      SELECT 'issuer', 'subject', 'client', name, 'fingerprint', '{}', now() + age
      FROM (VALUES ('new', interval '1 minute'), ('old', interval '-1 second')) AS keys (name, age)`);

    service.relay.start(new Stream());

    await eventually(async () => expect(await database.query('SELECT id FROM outbox ORDER BY id')).toHaveLength(2));
    expect(await database.query('SELECT id::integer FROM outbox ORDER BY id')).toEqual([{ id: 2 }, { id: 3 }]);
    await eventually(async () => expect(await database.query('SELECT sequence FROM inbox')).toEqual([{ sequence: 8 }]));
    await eventually(async () =>
      expect(await database.query('SELECT key FROM idempotency_key')).toEqual([{ key: 'new' }]),
    );
  });
});
