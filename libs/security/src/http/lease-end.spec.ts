import { setTimeout as sleep } from 'node:timers/promises';
import { leaseEnd } from './lease-end';

const DAY_MS = 24 * 60 * 60 * 1_000;

const closed: AbortController[] = [];
afterEach(() => closed.splice(0).forEach((one) => one.abort()));

const opened = (lifeMs: number, holds: () => Promise<boolean>) => {
  const answer = new AbortController();
  closed.push(answer);
  return { answer, end: leaseEnd({ expiresAtMs: Date.now() + lifeMs, holds }, answer.signal, 10) };
};
const ended = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });

describe('a response that stays open', () => {
  it('ends when its token expires, not before', async () => {
    const startedAt = Date.now();
    await ended(opened(50, async () => true).end);
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(50);
  });

  it('ends immediately when the token has already expired', () => {
    expect(opened(0, async () => true).end.aborted).toBe(true);
  });

  it('ends at the next check when a new request with the token would be rejected', async () => {
    let good = true;
    const { end } = opened(DAY_MS, async () => good);
    await sleep(30);
    expect(end.aborted).toBe(false);
    good = false;
    await ended(end);
  });

  it('ends when its token cannot be verified', async () => {
    const { end } = opened(DAY_MS, () => Promise.reject(new Error('no verifier')));
    await ended(end);
    expect(end.aborted).toBe(true);
  });

  it('continues with a token that lives longer than a timer can wait', async () => {
    const { end } = opened(40 * DAY_MS, async () => true);
    await sleep(30);
    expect(end.aborted).toBe(false);
  });

  it('is no longer checked once it is closed', async () => {
    let looks = 0;
    const { answer, end } = opened(DAY_MS, async () => {
      looks += 1;
      return false;
    });
    answer.abort();
    await sleep(30);
    expect([looks, end.aborted]).toEqual([0, false]);
  });
});
