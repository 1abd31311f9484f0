import { Client } from 'pg';
import type { Service } from '@rookery/contracts';
import type { IsolatedStack } from '@rookery/devkit/stack/isolated-stack';
import { rowsOf } from '@rookery/devkit/stack/rows';
import { until } from '@rookery/devkit/terminal/until';
import { type Fault, type FaultContext, type FaultOutcome, OWNERS } from './fault';

const RELAY = `FROM pg_stat_activity WHERE application_name = 'outbox-relay' AND datname = current_database()`;
/** Times the leniency of the run. */
const WAITING_MS = 10_000;

/** The database's process that serves the relay: while it is stopped, the service commits and publishes nothing. */
async function relayBackend(stack: IsolatedStack, service: Service): Promise<number | undefined> {
  const leads = `pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted)`;
  const [row] = await rowsOf<{ pid: number }>(stack, service, `SELECT pid ${RELAY} AND ${leads}`);
  return row?.pid;
}

/**
 * Stops it between two statements: in the middle of one it may hold a lock of the outbox, and all who write there would wait. Result: whether
 * it is stopped.
 */
async function stopIdle(stack: IsolatedStack, service: Service, pid: number, withinMs: number): Promise<boolean> {
  const stopped = await until(async () => {
    process.kill(pid, 'SIGSTOP');
    const idle = await rowsOf(stack, service, `SELECT FROM pg_stat_activity WHERE pid = ${pid} AND state = 'idle'`);
    if (idle.length === 0) {
      process.kill(pid, 'SIGCONT');
    }
    return idle.length > 0;
  }, withinMs);
  return stopped !== undefined;
}

async function somethingWaits(stack: IsolatedStack, service: Service): Promise<boolean> {
  const rows = await rowsOf(stack, service, 'SELECT FROM outbox WHERE published_at IS NULL LIMIT 3');
  return rows.length === 3;
}

/** Runs while a service has committed events that its stopped relay has not seen. */
async function withStoppedRelay(
  { stack, random, leniency }: FaultContext,
  work: (service: Service, resume: () => void) => Promise<Omit<FaultOutcome, 'app'>>,
): Promise<FaultOutcome> {
  const service = random.pick(OWNERS);
  // After a crash another session leads within a second.
  await until(async () => (await relayBackend(stack, service)) !== undefined, WAITING_MS * leniency);
  const pid = await relayBackend(stack, service);
  if (pid === undefined) {
    return { app: service, detail: 'not run: no relay leads', missed: true };
  }
  if (!(await stopIdle(stack, service, pid, WAITING_MS * leniency))) {
    return { app: service, detail: 'not run: the relay was never between two statements', missed: true };
  }
  let stopped = true;
  const resume = (): void => {
    if (stopped) {
      process.kill(pid, 'SIGCONT');
    }
    stopped = false;
  };
  try {
    if ((await until(() => somethingWaits(stack, service), WAITING_MS * leniency)) === undefined) {
      return { app: service, detail: 'not run: nothing to publish', missed: true };
    }
    return { app: service, ...(await work(service, resume)) };
  } finally {
    resume();
  }
}

/** kill -9 at a moment that chance rarely meets. */
export const exactMoments: readonly Fault[] = [
  {
    name: 'crash-before-publish',
    what: 'kill -9 exactly between the commit of events and their publication',
    recoversWithinMs: 15_000,
    run: (context) =>
      withStoppedRelay(context, async (service, resume) => {
        await context.stack.crash(service, 0, resume);
        return { detail: 'events were committed and not published' };
      }),
  },
  {
    name: 'crash-before-mark',
    what: 'kill -9 exactly between the publication of events and their mark in the outbox',
    recoversWithinMs: 15_000,
    run: (context) =>
      withStoppedRelay(context, async (service, resume) => {
        const { stack, leniency } = context;
        const lock = new Client({ connectionString: stack.databaseUrl(service) });
        await lock.connect();
        try {
          // Reading goes on, and so does publishing; the mark waits.
          await lock.query('BEGIN');
          await lock.query('LOCK TABLE outbox IN SHARE MODE');
          resume();
          const marking = `SELECT ${RELAY} AND wait_event_type = 'Lock' AND query LIKE 'UPDATE outbox%'`;
          const met = await until(
            async () => (await rowsOf(stack, service, marking)).length > 0,
            WAITING_MS * leniency,
          );
          await stack.crash(service, 0, () => lock.query('ROLLBACK'));
          return met === undefined
            ? { detail: 'the mark was never waited for', missed: true }
            : { detail: 'events were published and not marked' };
        } finally {
          await lock.end();
        }
      }),
  },
];
