import { eventProducers } from '@rookery/contracts';
import { until } from '../terminal/until';
import { asAdmin, consumersAreIdle } from './broker-reader';
import type { IsolatedStack } from './isolated-stack';
import { rowsOf } from './rows';

export const RESTS_WITHIN_MS = 60_000;

/** Waits until no order is Pending and nothing is on its way; returns the milliseconds that took, undefined after `withinMs`. */
export const drained = (stack: IsolatedStack, withinMs = RESTS_WITHIN_MS): Promise<number | undefined> =>
  until(() => isAtRest(stack), withinMs, 250);

async function isAtRest(stack: IsolatedStack): Promise<boolean> {
  const moving = await Promise.all([
    countOf(stack, 'orders', `orders WHERE status = 'Pending'`),
    countOf(stack, 'payments', 'payments WHERE operation IS NOT NULL'),
    ...eventProducers.map((service) => countOf(stack, service, 'outbox WHERE published_at IS NULL')),
  ]);
  return moving.every((count) => count === 0) && (await asAdmin(stack, consumersAreIdle));
}

/** Rows of `from`, for example `orders WHERE status = 'Pending'`. */
export async function countOf(
  stack: IsolatedStack,
  service: (typeof eventProducers)[number],
  from: string,
): Promise<number> {
  const [row] = await rowsOf<{ count: number }>(stack, service, `SELECT count(*)::int AS count FROM ${from}`);
  return row?.count ?? 0;
}
