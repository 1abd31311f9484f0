import { setTimeout as sleep } from 'node:timers/promises';
import type { Caller } from '@rookery/contracts';
import { FaultCriterionBroken } from '@rookery/devkit/stack/fault-criterion-broken';
import { until } from '@rookery/devkit/terminal/until';
import { BREAKABLE, type Fault, type FaultContext, type FaultOutcome, OWNERS } from './fault';

const READY_WITHIN_MS = 10_000;
/** Without a failed request for so long, what failed before is over. */
const CALM_MS = 3_000;

async function crash({ stack, leniency }: FaultContext, app: Caller): Promise<FaultOutcome> {
  const readyMs = await stack.crash(app);
  if (readyMs > READY_WITHIN_MS * leniency) {
    throw new FaultCriterionBroken(`${app} was ready again only after ${readyMs} ms`);
  }
  return { app, detail: `ready again after ${readyMs} ms` };
}

/** Waits until the customers' requests succeed; false when they do not. */
async function calm({ failedRequests, leniency }: FaultContext): Promise<boolean> {
  let failed = failedRequests();
  let since = Date.now();
  const isCalm = (): boolean => {
    if (failedRequests() !== failed) {
      failed = failedRequests();
      since = Date.now();
    }
    return Date.now() - since > CALM_MS;
  };
  return (await until(isCalm, 10 * CALM_MS * leniency)) !== undefined;
}

/** Kills, stops and freezes our processes. */
export const crashes: readonly Fault[] = [
  {
    name: 'service-crash',
    what: 'kill -9 one service',
    recoversWithinMs: 10_000,
    run: (context) => crash(context, context.random.pick(BREAKABLE)),
  },
  {
    name: 'payments-away',
    what: 'payments killed and away for 45 s: longer than an order waits',
    recoversWithinMs: 30_000,
    async run({ stack }) {
      await stack.crash('payments', 45_000);
      return { app: 'payments', detail: 'back' };
    },
  },
  {
    name: 'replica-crash',
    what: 'kill -9 one of two replicas of a service',
    recoversWithinMs: 15_000,
    async run(context) {
      const { stack, random } = context;
      const service = random.pick(OWNERS);
      await stack.startReplica(service);
      await sleep(random.between(500, 2_000));
      const outcome = await crash(context, service);
      await stack.stopReplica(service);
      return outcome;
    },
  },
  {
    name: 'rolling-restart',
    what: 'SIGTERM both replicas of a service one after the other: no request fails',
    recoversWithinMs: 10_000,
    async run(context) {
      const { stack, random, failedRequests } = context;
      const service = random.pick(OWNERS);
      if (!(await calm(context))) {
        return { detail: 'not run: requests still failed from the faults before', missed: true };
      }
      const before = failedRequests();
      await stack.startReplica(service);
      await stack.restart(service);
      await stack.stopReplica(service);
      // What was sent to the one that stopped has its answer by now.
      await sleep(1_000);
      const failed = failedRequests() - before;
      if (failed > 0) {
        throw new FaultCriterionBroken(`${failed} requests failed while ${service} was restarted`);
      }
      return { app: service, detail: 'no request failed' };
    },
  },
  {
    name: 'stall',
    what: 'SIGSTOP one of two replicas of a service for 12-14 s: past its leases and the broker’s ack wait',
    recoversWithinMs: 20_000,
    async run({ stack, random }) {
      const service = random.pick(OWNERS);
      const ms = random.between(12_000, 14_000);
      await stack.startReplica(service);
      const { pid } = stack.app(service);
      if (pid === undefined) {
        throw new Error(`${service} does not run`);
      }
      process.kill(pid, 'SIGSTOP');
      await sleep(ms);
      process.kill(pid, 'SIGCONT');
      await stack.stopReplica(service);
      return { app: service, detail: `for ${ms} ms` };
    },
  },
];
