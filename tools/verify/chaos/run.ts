import { setTimeout as sleep } from 'node:timers/promises';
import { type Caller, eventProducers } from '@rookery/contracts';
import { ApiClient } from '@rookery/devkit/client/api-client';
import { Random } from '@rookery/devkit/client/random';
import { addProducts, RetryingLoad } from '@rookery/devkit/client/retrying-load';
import { demoPassword } from '@rookery/devkit/client/sign-in';
import { violationsOf } from '@rookery/devkit/invariants/stack-world';
import type { Poison, Violation } from '@rookery/devkit/invariants/world';
import { APPS } from '@rookery/devkit/stack/app-process';
import { FaultCriterionBroken } from '@rookery/devkit/stack/fault-criterion-broken';
import { IsolatedStack } from '@rookery/devkit/stack/isolated-stack';
import { countOf, drained, RESTS_WITHIN_MS } from '@rookery/devkit/stack/rest';
import { rowsOf } from '@rookery/devkit/stack/rows';
import type { Progress } from '@rookery/devkit/terminal/progress';
import { until } from '@rookery/devkit/terminal/until';
import type { Fault, FaultOutcome } from './faults/fault';

export interface ChaosOptions {
  readonly seed: number;
  /** How long customers place orders; faults go on for about as long. */
  readonly seconds: number;
  /** Goes on, with customers, until every fault has found something to break, however slow the machine is; each is tried `MOST_TRIES` times after that. */
  readonly everyFault?: boolean;
  /** Orders placed per second. */
  readonly rate: number;
  readonly faults: readonly [Fault, ...Fault[]];
  /** Multiplies what a fault may take to recover from: more than 1 where other work shares the machine. */
  readonly leniency?: number;
  /** Keeps the folder with databases and logs. */
  readonly keep?: boolean;
  /** Folder of the built apps. @default `dist/apps` */
  readonly apps?: string | undefined;
  readonly progress: Progress;
}

/** A fault as it was run. */
export interface FaultRecord {
  readonly name: string;
  /** Seconds since the load began. */
  readonly at: number;
  /** The one app that it met, where it met one. */
  readonly app?: Caller;
  readonly detail: string;
  readonly missed?: true;
  readonly tookMs: number;
  /** From its end until every app was ready and no event was late; undefined when that did not come in time. */
  readonly recoveredMs: number | undefined;
}

export interface ChaosResult {
  readonly seed: number;
  readonly seconds: number;
  readonly rate: number;
  readonly faults: readonly FaultRecord[];
  /** Orders by how they ended. */
  readonly orders: Readonly<Record<string, number>>;
  /** Answers to the customers by status. */
  readonly answers: Readonly<Record<string, number>>;
  readonly cancellations: number;
  /** The slowest answer to a customer, and how late the customers' own process was at worst. */
  readonly slowestMs: number;
  readonly customersLateMs: number;
  /** From the last fault's end to the moment at which nothing was in motion any more; undefined when that never came. */
  readonly drainedAfterMs: number | undefined;
  readonly violations: readonly Violation[];
  /** Where databases and logs are, when they were kept. */
  readonly folder: string | undefined;
}

const MOST_TRIES = 3;

/** What the gateway gives a request. */
const EDGE_DEADLINE_MS = 5_000;

/** Starts a stack, breaks it by a seeded schedule while customers place orders, heals it, waits until it rests, and checks. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { seed, seconds, rate, leniency = 1, keep = false, progress } = options;
  const disks = new Set(options.faults.flatMap(({ disk }) => (disk === undefined ? [] : [disk])));
  const stack = await IsolatedStack.start({ progress, apps: options.apps, disks });
  let stopped = false;
  const stop = async (keepFolder: boolean): Promise<void> => {
    if (!stopped) {
      await stack.stop({ keep: keepFolder });
    }
    stopped = true;
  };
  try {
    const customers = await Promise.all([ApiClient.signIn(stack, 'alice'), ApiClient.signIn(stack, 'bob')]);
    const operator = await ApiClient.signIn(stack, 'olga');
    const load = new RetryingLoad({
      customers,
      products: await addProducts(operator),
      rate,
      seconds,
      random: new Random(seed),
      answersWithinMs: EDGE_DEADLINE_MS + 500 * leniency,
    });
    const poison: Poison[] = [];
    const [records, broken] = await progress.step(`${rate} orders/s and faults for ${seconds} s`, async () => {
      const breaking = breakThings(stack, options, load, poison);
      const [faults] = await Promise.all([breaking, load.run(options.everyFault === true ? breaking : undefined)]);
      return faults;
    });
    const restsWithinMs = RESTS_WITHIN_MS * leniency;
    const drainedAfterMs = await progress.step('everything comes to rest', () => drained(stack, restsWithinMs));
    const orders = await countOrders(stack);
    const secretTexts = [...customers, operator].flatMap(({ name, token }) => [token, demoPassword(name)]);
    const sweeperAwayMs = Math.max(0, ...records.filter(({ app }) => app === 'orders').map(({ tookMs }) => tookMs));
    const found = await progress.step('invariants', () =>
      violationsOf({ stack, load, poison, secretTexts, sweeperAwayMs, leniency }),
    );
    const unrest =
      drainedAfterMs === undefined ? [{ invariant: 'I1', what: `not at rest within ${restsWithinMs} ms` }] : [];
    const violations = [...broken, ...unrest, ...found];
    await progress.step('stopped', () => stop(keep));
    return {
      seed,
      seconds,
      rate,
      faults: records,
      orders,
      answers: Object.fromEntries([...load.statuses].toSorted(([a], [b]) => a.localeCompare(b))),
      cancellations: load.cancellations,
      slowestMs: Math.round(load.slowestMs),
      customersLateMs: Math.round(load.lateMs),
      drainedAfterMs,
      violations,
      folder: keep ? stack.folder : undefined,
    };
  } finally {
    await stop(keep);
  }
}

/** One fault after the other, with short pauses, until the load is over; each heals what it broke. */
async function breakThings(
  stack: IsolatedStack,
  { seed, seconds, faults, everyFault = false, leniency = 1, progress }: ChaosOptions,
  load: RetryingLoad,
  poison: Poison[],
): Promise<readonly [readonly FaultRecord[], readonly Violation[]]> {
  const random = new Random(seed ^ 0x5eed);
  const startedAt = Date.now();
  const records: FaultRecord[] = [];
  const broken: Violation[] = [];
  const dueOf = (): readonly Fault[] => {
    if (Date.now() - startedAt < seconds * 1_000) {
      return faults;
    }
    return everyFault ? faults.filter((fault) => isOwed(fault, records, seconds)) : [];
  };
  // Every fault comes once before any comes again.
  let waiting: Fault[] = [];
  await sleep(1_000);
  for (;;) {
    const due = dueOf();
    if (due.length === 0) {
      break;
    }
    waiting = waiting.filter((fault) => due.includes(fault));
    if (waiting.length === 0) {
      waiting = random.shuffled(due);
    }
    const fault = waiting.pop() ?? faults[0];
    const since = Date.now();
    let outcome: FaultOutcome;
    try {
      outcome = await fault.run({
        stack,
        random,
        poisoned: (one) => poison.push(one),
        deadLettersLost: () => void poison.splice(0),
        leniency,
        failedRequests: () => load.failures,
      });
    } catch (error) {
      if (!(error instanceof FaultCriterionBroken)) {
        throw error;
      }
      outcome = { detail: error.message };
      broken.push({ invariant: fault.name, what: error.message });
    }
    const tookMs = Date.now() - since;
    const recoveredMs = await until(() => recovered(stack), fault.recoversWithinMs * leniency);
    if (recoveredMs === undefined) {
      broken.push({ invariant: fault.name, what: `not recovered within ${fault.recoversWithinMs * leniency} ms` });
    }
    const record = { name: fault.name, at: Math.round((since - startedAt) / 1_000), ...outcome, tookMs, recoveredMs };
    records.push(record);
    progress.say(
      `${record.at} s: ${fault.name}: ${whatHappened(record)}; recovered after ${recoveredMs ?? 'too many'} ms`,
    );
    await sleep(random.between(500, 2_500));
  }
  return [records, broken];
}

/** Whether a fault has not found anything to break yet, and may be tried again now that the time is over. */
function isOwed({ name }: Fault, records: readonly FaultRecord[], seconds: number): boolean {
  const tries = records.filter((record) => record.name === name);
  return tries.every(({ missed }) => missed === true) && tries.filter(({ at }) => at >= seconds).length < MOST_TRIES;
}

/** The app that a fault met, if it met one, and what it did. */
export const whatHappened = ({ app, detail }: FaultOutcome): string =>
  app === undefined ? detail : `${app}: ${detail}`;

/** An event older than this waits for something. */
const LATE_SECONDS = 1;

async function recovered(stack: IsolatedStack): Promise<boolean> {
  const ready = await Promise.all(APPS.map((app) => stack.isReady(app)));
  if (ready.includes(false)) {
    return false;
  }
  const late = await Promise.all(
    eventProducers.map((producer) =>
      countOf(
        stack,
        producer,
        `outbox WHERE published_at IS NULL AND occurred_at < now() - interval '${LATE_SECONDS} s'`,
      ),
    ),
  );
  return late.every((count) => count === 0);
}

async function countOrders(stack: IsolatedStack): Promise<Record<string, number>> {
  const rows = await rowsOf<{ ending: string; count: number }>(
    stack,
    'orders',
    `SELECT concat_ws(' ', status, reason) AS ending, count(*)::int AS count FROM orders GROUP BY 1 ORDER BY 1`,
  );
  return Object.fromEntries(rows.map(({ ending, count }) => [ending, count]));
}
