import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault, FaultContext, FaultOutcome } from './fault';

const FULL_MS = 8_000;
/** A stream shows that it stores nothing only when something is published. */
const LOOK_ON_MS = 5_000;

const NO_DISK = { detail: 'not run: no small disk could be mounted here', missed: true } as const;

async function fillBroker({ stack }: FaultContext): Promise<FaultOutcome> {
  if (!stack.fillDisk('broker')) {
    return NO_DISK;
  }
  const whileFull = await stack.superviseBroker(FULL_MS, { live: false });
  stack.emptyDisk('broker');
  const afterwards = await stack.superviseBroker(LOOK_ON_MS);
  return { detail: `for ${FULL_MS} ms; started again ${whileFull} times while full, ${afterwards} times afterwards` };
}

async function fillDatabase({ stack }: FaultContext): Promise<FaultOutcome> {
  if (!stack.fillDisk('orders')) {
    return NO_DISK;
  }
  await sleep(FULL_MS);
  stack.emptyDisk('orders');
  // A supervisor would start a server that gave up for want of room.
  const end = (await stack.reviveDatabase('orders')) ? 'the server had to be started again' : 'the server went on';
  return { app: 'orders', detail: `for ${FULL_MS} ms; ${end}` };
}

/** Leaves a server no room on its disk. */
export const disks: readonly Fault[] = [
  {
    name: 'broker-disk-full',
    what: 'the disk of NATS full for 8 s',
    disk: 'broker',
    recoversWithinMs: 30_000,
    run: fillBroker,
  },
  {
    name: 'database-disk-full',
    what: 'the disk of orders’ Postgres full for 8 s',
    disk: 'orders',
    recoversWithinMs: 30_000,
    run: fillDatabase,
  },
];
