import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Begins work at a steady rate, however long each piece takes. Resolves when `isOver` and every piece begun has ended.
 * `signal` ends the wait for the next piece at once.
 */
export async function atRate(
  perSecond: number,
  work: (count: number) => Promise<void>,
  isOver: (count: number) => boolean,
  signal?: AbortSignal,
): Promise<void> {
  const running = new Set<Promise<void>>();
  const startedAt = performance.now();
  for (let count = 0; !isOver(count); count += 1) {
    const waitMs = startedAt + (count * 1_000) / perSecond - performance.now();
    if (waitMs > 0) {
      await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    }
    if (signal?.aborted === true) {
      break;
    }
    const one = work(count).finally(() => running.delete(one));
    running.add(one);
  }
  await Promise.all(running);
}
