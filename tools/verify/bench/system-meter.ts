import { setTimeout as sleep } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { eventProducers, recordOf } from '@rookery/contracts';
import { APPS } from '@rookery/devkit/stack/app-process';
import { withDatabase } from '@rookery/devkit/stack/rows';
import { brokerLogin } from '@rookery/messaging';
import { serversIn } from './measured-system';
import { cpuSecondsOf } from './process-use';
import { SegmentCounter } from './segments';
import type { StartedSystem } from './started-system';

/** A backend of Postgres hands its figures over at most so long after its last transaction. */
export const SETTLED_AFTER_MS = 11_000;
/** Connections that are closed between two looks are lost from the count. */
const LOOK_AT_SEGMENTS_EVERY_MS = 2_000;

/** What is counted of a system. Rows are those that were inserted, messages and bytes those in the event streams. */
const COUNTED = [
  'cpuSeconds',
  'statements',
  'roundTrips',
  'commits',
  'rows',
  'walBytes',
  'messages',
  'streamBytes',
] as const;
type Counted = (typeof COUNTED)[number];

/** A figure of each; NaN where the platform does not tell. */
export type Counts = Readonly<Record<Counted, number>>;

/** CPU-seconds of each app, of Postgres and of NATS. */
export type Programs = Readonly<Record<string, number>>;

/** What a system took: since its start, in a second, or for an order. */
export interface Use {
  readonly counts: Counts;
  readonly programs: Programs;
}

/** Since the system was started, and when it was read (ms). */
export interface Reading extends Use {
  readonly atMs: number;
}

export const forCounted = (of: (what: Counted) => number): Counts => recordOf(COUNTED, of);

/** What an idle system takes in a second. */
export const perSecond = (before: Reading, after: Reading): Use =>
  divided(before, after, secondsBetween(before, after), nothing);

/** What one order takes, without what the idle system would have taken in the same time. */
export const perOrder = (before: Reading, after: Reading, idlePerSecond: Use, orders: number): Use =>
  divided(before, after, orders, idlePerSecond);

const nothing: Use = { counts: forCounted(() => 0), programs: {} };

const secondsBetween = (before: Reading, after: Reading): number => (after.atMs - before.atMs) / 1_000;

function divided(before: Reading, after: Reading, by: number, idle: Use): Use {
  const seconds = secondsBetween(before, after);
  const figure = (from = Number.NaN, to = Number.NaN, idlePerSecond = 0): number =>
    (to - from - idlePerSecond * seconds) / by;
  const programs = Object.entries(after.programs).map(
    ([name, to]) => [name, figure(before.programs[name], to, idle.programs[name])] as const,
  );
  return {
    counts: forCounted((what) => figure(before.counts[what], after.counts[what], idle.counts[what])),
    programs: Object.fromEntries(programs),
  };
}

/** Restarts a system so that its Postgres counts statements. */
export async function countingStatements(system: StartedSystem): Promise<StartedSystem> {
  await withDatabase(system.databaseUrl('orders'), (client) =>
    client.query(`ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'`),
  );
  const restarted = await system.restarted();
  await withDatabase(restarted.databaseUrl('orders'), (client) =>
    client.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements'),
  );
  return restarted;
}

type DatabaseCounted = 'commits' | 'rows' | 'statements' | 'walBytes';

/** Reads what a system has taken so far. Its own statements are not in the figures. */
export class SystemMeter {
  private readonly segments: SegmentCounter;
  private readonly looking: NodeJS.Timeout;

  constructor(private readonly system: StartedSystem) {
    this.segments = new SegmentCounter(system.databasePort);
    this.looking = setInterval(() => void this.segments.read(), LOOK_AT_SEGMENTS_EVERY_MS);
    this.looking.unref();
  }

  /** Once Postgres has counted everything that came before, and what follows a Confirmed order is done too. */
  async settled(): Promise<Reading> {
    await sleep(SETTLED_AFTER_MS);
    return this.read();
  }

  async read(): Promise<Reading> {
    const [database, streams, roundTrips] = await Promise.all([this.database(), this.streams(), this.segments.read()]);
    const cpuSeconds = this.system.cpuSeconds ?? Number.NaN;
    const counts = { cpuSeconds, roundTrips, ...database, ...streams };
    return { atMs: performance.now(), counts, programs: this.programs() };
  }

  close(): void {
    clearInterval(this.looking);
  }

  private programs(): Programs {
    const [postgres, nats] = serversIn(this.system.dataFolder);
    const pids = [
      ...APPS.map((app) => [app, this.system.pidOf(app)] as const),
      ['Postgres', postgres] as const,
      ['NATS', nats] as const,
    ];
    return Object.fromEntries(pids.map(([name, pid]) => [name, cpuSecondsOf(pid) ?? Number.NaN]));
  }

  private async database(): Promise<Pick<Counts, DatabaseCounted>> {
    return withDatabase(this.system.databaseUrl('orders'), async (client) => {
      const { rows } = await client.query<Pick<Counts, DatabaseCounted>>(
        `SELECT (SELECT sum(xact_commit)::float8 FROM pg_stat_database) AS commits,
                (SELECT sum(tup_inserted)::float8 FROM pg_stat_database) AS rows,
                (SELECT sum(calls)::float8 FROM pg_stat_statements JOIN pg_roles ON pg_roles.oid = userid WHERE NOT rolsuper) AS statements,
                pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 AS "walBytes"`,
      );
      const [row] = rows;
      if (row === undefined) {
        throw new Error('Postgres did not tell what it has done');
      }
      return row;
    });
  }

  private async streams(): Promise<Pick<Counts, 'messages' | 'streamBytes'>> {
    const { url, nkeySeed } = this.system.broker;
    const admin = await connect({ servers: url, ...brokerLogin({ nkeySeed }), timeout: 10_000 });
    try {
      const manager = await jetstreamManager(admin);
      const infos = await Promise.all(eventProducers.map((producer) => manager.streams.info(producer.toUpperCase())));
      const sum = (of: (state: { readonly messages: number; readonly bytes: number }) => number): number =>
        infos.reduce((all, { state }) => all + of(state), 0);
      return { messages: sum(({ messages }) => messages), streamBytes: sum(({ bytes }) => bytes) };
    } finally {
      await admin.close();
    }
  }
}
