import { setTimeout as sleep } from 'node:timers/promises';
import type { Caller } from '@rookery/contracts';
import { FaultCriterionBroken } from '@rookery/devkit/stack/fault-criterion-broken';
import { until } from '@rookery/devkit/terminal/until';
import type { FaultyLink } from '@rookery/testing';
import { redeliveriesTo } from '../broker';
import { memoryOf } from '../memory';
import { BREAKABLE, type Fault, type FaultContext, type FaultOutcome, OWNERS } from './fault';

const NOTICED_WITHIN_MS = 25_000;
const SLOW_CONSUMER_MS = 15_000;
const MOST_GROWTH_MIB = 200;
/** Each unacknowledged message once: a storm repeats them. */
const MOST_REDELIVERIES = 1_000;

/** No packet passes for 10-30 s; the app must know of it and say so. */
async function partition({ stack, random }: FaultContext, app: Caller, link: FaultyLink): Promise<FaultOutcome> {
  const ms = random.between(10_000, 30_000);
  const endsAt = Date.now() + ms;
  link.silence();
  const noticedMs = await until(async () => !(await stack.isReady(app)), Math.min(ms, NOTICED_WITHIN_MS));
  await sleep(Math.max(0, endsAt - Date.now()));
  link.heal();
  if (noticedMs === undefined && ms > NOTICED_WITHIN_MS) {
    throw new FaultCriterionBroken(`${app} had not noticed after ${NOTICED_WITHIN_MS} ms`);
  }
  const noticed = noticedMs === undefined ? 'not noticed so soon' : `noticed after ${noticedMs} ms`;
  return { app, detail: `for ${ms} ms, ${noticed}` };
}

/** Silences, resets and slows connections. */
export const network: readonly Fault[] = [
  {
    name: 'database-partition',
    what: 'no packet between a service and its database for 10-30 s',
    recoversWithinMs: 30_000,
    run(context) {
      const service = context.random.pick(OWNERS);
      return partition(context, service, context.stack.databaseLink(service));
    },
  },
  {
    name: 'broker-partition',
    what: 'no packet between a service and NATS for 10-30 s',
    recoversWithinMs: 30_000,
    run(context) {
      const app = context.random.pick(BREAKABLE);
      return partition(context, app, context.stack.brokerLink(app));
    },
  },
  {
    name: 'connection-reset',
    what: 'every connection of a service to its database and NATS reset',
    recoversWithinMs: 10_000,
    async run({ stack, random }) {
      const service = random.pick(OWNERS);
      for (const link of [stack.databaseLink(service), stack.brokerLink(service)]) {
        await link.cut();
        await link.mend();
      }
      return { app: service, detail: 'database and broker' };
    },
  },
  {
    name: 'slow-network',
    what: '+500 ms on every hop (250 ms each way) for 5 s',
    recoversWithinMs: 20_000,
    async run({ stack }) {
      for (const link of stack.links) {
        link.slow(250);
      }
      await sleep(5_000);
      for (const link of stack.links) {
        link.slow(0);
      }
      return { detail: 'all links' };
    },
  },
  {
    name: 'slow-consumer',
    what: 'payments takes seconds for each event for 15 s: its memory stays bounded, nothing is delivered again and again',
    recoversWithinMs: 30_000,
    async run({ stack }) {
      const link = stack.databaseLink('payments');
      const [before, redeliveredBefore] = [
        await memoryOf(stack.app('payments').pid),
        await redeliveriesTo(stack, 'payments'),
      ];
      link.slow(500);
      await sleep(SLOW_CONSUMER_MS);
      const grown = (await memoryOf(stack.app('payments').pid)) - before;
      link.slow(0);
      const redelivered = (await redeliveriesTo(stack, 'payments')) - redeliveredBefore;
      if (grown > MOST_GROWTH_MIB) {
        throw new FaultCriterionBroken(`payments grew by ${grown} MiB`);
      }
      if (redelivered > MOST_REDELIVERIES) {
        throw new FaultCriterionBroken(`${redelivered} redeliveries to payments`);
      }
      return { app: 'payments', detail: `${grown} MiB more, ${redelivered} redeliveries` };
    },
  },
];
