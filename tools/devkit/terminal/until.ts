import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until `holds`; returns the milliseconds that took, undefined when it did not come within `withinMs`. */
export async function until(
  holds: () => Promise<boolean> | boolean,
  withinMs: number,
  pollMs = 50,
): Promise<number | undefined> {
  const startedAt = Date.now();
  while (Date.now() - startedAt < withinMs) {
    if (await holds()) {
      return Date.now() - startedAt;
    }
    await sleep(pollMs);
  }
  return undefined;
}
