import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault, FaultContext, FaultOutcome } from './fault';

const FULL_MS = 8_000;

async function fill({ stack }: FaultContext, disk: 'broker' | 'orders'): Promise<FaultOutcome> {
  if (!stack.fillDisk(disk)) return { detail: 'not run: no small disk could be mounted here' };
  await sleep(FULL_MS);
  stack.emptyDisk(disk);
  // A server that gave up for want of room is started by whoever watches over it.
  const end = (await stack.reviveServer(disk)) ? 'the server had to be started again' : 'the server went on';
  return { ...(disk === 'broker' ? {} : { app: disk }), detail: `for ${FULL_MS} ms; ${end}` };
}

/** Leaves a server no room on its disk. */
export const disks: readonly Fault[] = [
  {
    name: 'broker-disk-full',
    what: 'the disk of NATS full for 8 s',
    disk: 'broker',
    recoversWithinMs: 30_000,
    run: (context) => fill(context, 'broker'),
  },
  {
    name: 'database-disk-full',
    what: 'the disk of orders’ Postgres full for 8 s',
    disk: 'orders',
    recoversWithinMs: 30_000,
    run: (context) => fill(context, 'orders'),
  },
];
