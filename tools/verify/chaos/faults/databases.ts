import { setTimeout as sleep } from 'node:timers/promises';
import { type Fault, type FaultContext, type FaultOutcome, OWNERS } from './fault';

async function away({ stack, random }: FaultContext, fromMs: number, toMs: number): Promise<FaultOutcome> {
  const service = random.pick(OWNERS);
  const ms = random.between(fromMs, toMs);
  await stack.killDatabase(service);
  await sleep(ms);
  await stack.startDatabase(service);
  return { app: service, detail: `for ${ms} ms` };
}

/** Takes one service's Postgres away. */
export const databases: readonly Fault[] = [
  {
    name: 'database-crash',
    what: 'kill Postgres of one service, away for 1-6 s',
    recoversWithinMs: 5_000,
    run: (context) => away(context, 1_000, 6_000),
  },
  {
    name: 'database-down',
    what: 'kill Postgres of one service, away for 6-40 s',
    recoversWithinMs: 5_000,
    run: (context) => away(context, 6_000, 40_000),
  },
];
