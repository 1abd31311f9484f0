import { setTimeout as delay } from 'node:timers/promises';

/** Duration and interval of the attempts. */
export interface EventuallyOptions {
  /** @default 30_000 */
  readonly timeoutMs?: number;
  /** @default 50 */
  readonly intervalMs?: number;
}

/**
 * Repeats a check until it no longer throws, and returns its result. Tests use it instead of sleeping.
 * @throws {unknown} the check's last error after `timeoutMs`
 * @example
 * await eventually(async () => expect(await orders.status(id)).toBe('Confirmed'));
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  { timeoutMs = 30_000, intervalMs = 50 }: EventuallyOptions = {},
): Promise<T> {
  const giveUpAt = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() >= giveUpAt) {
        throw error;
      }
      await delay(intervalMs);
    }
  }
}
