import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OrderConfirmed } from '@rookery/contracts';
import { brokerAccount, MAIN_ACCOUNT, makeSeeds } from '@rookery/devkit/stack/broker-accounts';
import { brokerIsLive } from '@rookery/devkit/stack/broker-liveness';
import { type EmbeddedNats, startNats } from '@rookery/devkit/stack/embedded-nats';
import { provision } from '@rookery/devkit/stack/infrastructure';
import { findNatsServer } from '@rookery/devkit/stack/nats-binary';
import { freePorts } from '@rookery/devkit/stack/ports';
import { EventPublisher, Nats, natsServerConfig } from '@rookery/messaging';
import { configureLogger, uuidv7 } from '@rookery/platform';
import { eventually } from '@rookery/testing';

configureLogger('test', 'silent');

/** nats-server begins a new file after eight mebibytes of a stream that may hold half a gibibyte. */
const FILE_BYTES = 8 * 1_024 * 1_024;
const EVENT_BYTES = 900_000;
const FILLS_A_FILE = Math.floor(FILE_BYTES / EVENT_BYTES);

describe('a nats-server without room on its disk', () => {
  let folder: string;
  let broker: EmbeddedNats;
  let monitoring: string;
  let start: () => Promise<EmbeddedNats>;
  let orders: Nats;
  let publisher: EventPublisher;
  const waiting = new Set<string>();

  const publish = async (id = uuidv7()): Promise<void> => {
    waiting.add(id);
    await publisher.publish({
      id,
      name: OrderConfirmed.name,
      version: OrderConfirmed.version,
      source: OrderConfirmed.producer,
      subject: OrderConfirmed.subject,
      aggregateId: id,
      sequence: 1,
      time: new Date().toISOString(),
      correlationId: id,
      causationId: null,
      traceparent: null,
      data: JSON.stringify({ orderId: id, padding: 'x'.repeat(EVENT_BYTES) }),
    });
    waiting.delete(id);
  };
  /** As the relay does: what is not stored is tried again, for ever. */
  const publishWhatWaits = async (): Promise<void> => {
    for (const id of waiting) {
      await publish(id).catch(() => undefined);
    }
  };
  const storing = async (): Promise<string | undefined> =>
    (await orders.metrics.registry.metrics()).split('\n').find((line) => line.startsWith('event_stream_storing{'));
  // A device that has no room for anything, in place of the stream's next files: a full disk without mounting any.
  const nextFiles = (): readonly string[] =>
    Array.from({ length: 8 }, (_, index) =>
      join(folder, `jetstream/${MAIN_ACCOUNT}/streams/ORDERS/msgs/${index + 2}.blk`),
    );

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rookery-broker-disk-'));
    const [port = 0, httpPort = 0] = await freePorts(2);
    monitoring = `http://127.0.0.1:${httpPort}`;
    const binary = await findNatsServer();
    const seeds = makeSeeds();
    const config = natsServerConfig({
      port,
      httpPort,
      storeDir: folder,
      accounts: [brokerAccount(MAIN_ACCOUNT, seeds)],
    });
    start = () => startNats({ binary, config, port, folder, logFile: join(folder, 'nats.log') });
    broker = await start();
    await provision(broker.url, { nkeySeed: seeds.admin });
    orders = await Nats.connect({ service: 'orders', url: broker.url, nkeySeed: seeds.orders });
    publisher = new EventPublisher(orders);
  });
  afterAll(async () => {
    await orders.close();
    await broker.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('makes the publisher say so, its process unready and the metric 0, until it stores again', async () => {
    for (const file of nextFiles()) {
      symlinkSync('/dev/full', file);
    }
    await expect(brokerIsLive(monitoring)).resolves.toBe(true);
    for (let event = 0; event < FILLS_A_FILE; event += 1) {
      await publish();
    }
    await expect(orders.check()).resolves.toBeUndefined();
    expect(await storing()).toMatch(/ORDERS"\} 1$/);

    await Promise.allSettled([publish(), publish()]);
    await eventually(
      async () => {
        await publishWhatWaits();
        expect(publisher.storage.storing).toBe(false);
      },
      { timeoutMs: 20_000 },
    );
    expect(waiting.size).toBeGreaterThan(0);
    await expect(orders.check()).rejects.toThrow('not storing ORDERS');
    expect(await storing()).toMatch(/ORDERS"\} 0$/);

    for (const file of nextFiles()) {
      rmSync(file, { force: true });
    }
    // Newer servers keep refusing until they are restarted, and their health says so; older ones go on by themselves.
    if (!(await brokerIsLive(monitoring))) {
      await broker.stop();
      broker = await start();
    }
    await eventually(
      async () => {
        await publishWhatWaits();
        expect(waiting.size).toBe(0);
      },
      { timeoutMs: 30_000 },
    );
    expect(publisher.storage.storing).toBe(true);
    await expect(orders.check()).resolves.toBeUndefined();
    await expect(brokerIsLive(monitoring)).resolves.toBe(true);
  }, 90_000);
});
