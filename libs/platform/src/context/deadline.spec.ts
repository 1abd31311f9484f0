import { setTimeout as sleep } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { Deadline } from './deadline';

describe('a deadline', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('comes nearer as time passes, and has passed from then on', async () => {
    const deadline = Deadline.in(40);
    expect(deadline.hasPassed).toBe(false);
    expect(deadline.msLeft).toBeGreaterThan(0);
    expect(deadline.msLeft).toBeLessThanOrEqual(40);
    await sleep(60);
    expect(deadline.hasPassed).toBe(true);
    expect(deadline.msLeft).toBeLessThan(0);
  });

  it.each([70_000, -70_000])('stays where it is when the wall clock is set %i ms ahead', (ms) => {
    const deadline = Deadline.in(5_000);
    const now = Date.now() + ms;
    jest.spyOn(Date, 'now').mockReturnValue(now);
    expect(deadline.msLeft).toBeGreaterThan(4_000);
    expect(deadline.msLeft).toBeLessThanOrEqual(5_000);
  });

  it('can be moved forward, and is the earliest of several', () => {
    const [soon, later] = [Deadline.in(1_000), Deadline.in(60_000)];
    expect(later.earlierBy(59_500).msLeft).toBeLessThan(soon.msLeft);
    expect(Deadline.earliest(later, undefined, soon)?.msLeft).toBeLessThanOrEqual(1_000);
    expect(Deadline.earliest(undefined)).toBeUndefined();
  });
});
