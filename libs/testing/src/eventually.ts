import { setTimeout as delay } from 'node:timers/promises';

/** How long to keep trying, and how often. */
export interface EventuallyOptions {
  readonly timeoutMs?: number;
  readonly intervalMs?: number;
}

/**
 * Runs the check again and again until it no longer throws and returns its result: the replacement of every sleep in a test.
 * After `timeoutMs` (10 s) it throws the check's last error, so that the test fails with what was wrong.
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  { timeoutMs = 10_000, intervalMs = 50 }: EventuallyOptions = {},
): Promise<T> {
  const giveUpAt = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() >= giveUpAt) throw error;
      await delay(intervalMs);
    }
  }
}
