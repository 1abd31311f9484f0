import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import type { Infrastructure } from '@rookery/devkit/stack/infrastructure';
import type { Progress } from '@rookery/devkit/terminal/progress';
import { EventPublisher, Nats } from '@rookery/messaging';
import { connect, dataSourceOptions, Outbox, OutboxMetrics, OutboxRelay, UnitOfWork } from '@rookery/persistence';
import { Metrics } from '@rookery/platform';
import { AGGREGATES_AT_ONCE, BenchOutbox, BenchTables1764100000000, EVENTS_OF_AN_AGGREGATE } from './bench-outbox';
import { startBenchServers } from './bench-servers';
import { BenchStream } from './bench-stream';
import { barePublisher, naiveRelay } from './relay-peers';
import { type BenchResult, circumstances, markdownOf, type Report } from './report';

export interface RelayBenchOptions {
  /** Rows in the outbox; a multiple of 500. */
  readonly rows: number;
  /** Rows for what takes one at a time and would need minutes for all. */
  readonly fewRows: number;
  readonly rounds: number;
}

/** How many rows a second the relay drains to a file stream, beside publishing alone and a relay that takes one row at a time. */
export const relayBench = {
  name: 'relay',
  what: 'rows a second that the outbox relay brings to JetStream, in order',
  run: async (progress: Progress): Promise<Report> => {
    const result = await runRelayBench({ rows: 100_000, fewRows: 3_000, rounds: 3 }, progress);
    return { json: result, markdown: markdownOf(result) };
  },
};

export async function runRelayBench(options: RelayBenchOptions, progress: Progress): Promise<BenchResult> {
  const at = circumstances();
  const servers = await progress.step('Postgres and NATS', () => startBenchServers(progress));
  try {
    return resultOf(options, at, await measure(servers, options, progress));
  } finally {
    await progress.step('servers stopped', () => servers.stop());
  }
}

type Rates = Record<'relay' | 'bare' | 'one' | 'naive', number[]>;

/** Alternates between them, so that a busy moment of the machine meets them all. */
async function measure(
  { databases, broker }: Infrastructure,
  { rows, fewRows, rounds }: RelayBenchOptions,
  progress: Progress,
): Promise<Rates> {
  const options = dataSourceOptions({
    url: databases.orders,
    entities: [],
    migrations: [BenchTables1764100000000],
  });
  const outbox = await progress.step(`${rows} rows`, () => BenchOutbox.make(options, rows));
  const database = await connect(options);
  const stream = await BenchStream.connect(broker);
  const timed = async (
    what: string,
    count: number,
    perAggregate: number,
    drain: (nats: Nats) => Promise<void>,
  ): Promise<number> => {
    if (perAggregate === count) {
      await outbox.refillWithOne(count);
    } else {
      await outbox.refill(count);
    }
    await stream.renew();
    // A connection for each run: a publisher makes its stream anew when it misses it, which must not meet the renewal.
    const nats = await Nats.connect({ service: 'orders', url: broker.url, nkeySeed: broker.seeds.orders });
    const startedAt = performance.now();
    await progress.step(what, () => drain(nats));
    const seconds = (performance.now() - startedAt) / 1_000;
    await nats.close();
    await stream.verify(count, perAggregate);
    return count / seconds;
  };
  const rates: Rates = { relay: [], bare: [], one: [], naive: [] };
  try {
    const messages = BenchStream.ready(await outbox.rows());
    const bare = (nats: Nats): Promise<void> => barePublisher(nats, messages);
    const relay = (nats: Nats): Promise<void> => drainByRelay(outbox, database, nats);
    const naive = (nats: Nats): Promise<void> => naiveRelay(database, nats, fewRows);
    for (let round = 1; round <= rounds; round += 1) {
      rates.bare.push(await timed(`round ${round}: publishing alone`, rows, EVENTS_OF_AN_AGGREGATE, bare));
      rates.relay.push(await timed(`round ${round}: the relay`, rows, EVENTS_OF_AN_AGGREGATE, relay));
      rates.one.push(await timed(`round ${round}: the relay, one aggregate`, fewRows, fewRows, relay));
      rates.naive.push(await timed(`round ${round}: one row at a time`, fewRows, EVENTS_OF_AN_AGGREGATE, naive));
    }
    return rates;
  } finally {
    await Promise.all([outbox.close(), stream.close(), database.destroy()]);
  }
}

async function drainByRelay(outbox: BenchOutbox, database: DataSource, nats: Nats): Promise<void> {
  const appended = new Outbox(new UnitOfWork(database));
  const relay = new OutboxRelay(database, appended, new OutboxMetrics(database, new Metrics()));
  relay.start(new EventPublisher(nats));
  while (!(await outbox.isDrained())) {
    await sleep(20);
  }
  await relay.stop();
}

const resultOf = (
  { rows, fewRows }: RelayBenchOptions,
  at: ReturnType<typeof circumstances>,
  { relay, bare, one, naive }: Rates,
): BenchResult => ({
  name: 'relay',
  command: 'npm run bench -- relay',
  ...at,
  unit: 'rows',
  setting:
    `${rows} rows of ${rows / EVENTS_OF_AN_AGGREGATE} aggregates, those of ${AGGREGATES_AT_ONCE} interleaved; ${fewRows} for the last two. ` +
    'Postgres, NATS and the relay share the machine; Postgres waits for its disk at each commit, the stream is a file that NATS syncs by its default.',
  contestants: [
    { name: 'relay', what: '`OutboxRelay` and `EventPublisher` as in a service', rates: relay },
    {
      name: 'publishing alone',
      what: 'the same messages by `@nats-io/jetstream`, 100 on their way, no database',
      rates: bare,
    },
    { name: 'relay, one aggregate', what: 'each event waits for the one before it', rates: one },
    {
      name: 'one row at a time',
      what: '`SELECT … LIMIT 1 FOR UPDATE SKIP LOCKED`, publish, mark, commit',
      rates: naive,
    },
  ],
  verified: ['After each run every event is in the stream once, and those of each aggregate are in their order.'],
});
