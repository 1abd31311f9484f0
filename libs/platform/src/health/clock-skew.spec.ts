import { setTimeout as sleep } from 'node:timers/promises';
import { Metrics } from '../metrics/metrics';
import { ClockSkew, secondsAheadOf } from './clock-skew';

describe('how far a clock is ahead of another', () => {
  it.each([0, 70, -10])('is measured: %i s', async (seconds) => {
    expect(await secondsAheadOf(async () => Date.now() - seconds * 1_000)).toBeCloseTo(seconds, 1);
  });

  it('takes the reading for the middle of the round trip', async () => {
    const ahead = await secondsAheadOf(async () => {
      await sleep(200);
      const reading = Date.now();
      await sleep(200);
      return reading;
    });
    expect(Math.abs(ahead ?? NaN)).toBeLessThan(0.15);
  });

  it.each<[string, () => Promise<number>]>([
    ['there is no answer', () => Promise.reject(new Error('away'))],
    ['the answer is not a time', async () => NaN],
    ['it comes too late to say anything', () => sleep(1_500, 0)],
  ])('is unknown when %s', async (_, read) => {
    expect(await secondsAheadOf(read)).toBeUndefined();
  });
});

describe('a process’s readiness by its clock', () => {
  const skewOf = (...measured: (number | undefined)[]) => {
    const metrics = new Metrics();
    const readings = [...measured];
    return { metrics, skew: new ClockSkew(async () => readings.shift(), 'the clock of its database', metrics) };
  };

  it.each([0, 4.9, -4.9, undefined])('is green with a difference of %s s', async (seconds) => {
    await expect(skewOf(seconds).skew.check()).resolves.toBeUndefined();
  });

  it.each([
    [5, '5.0 s ahead of the clock of its database'],
    [-70, '70.0 s behind the clock of its database'],
  ])('is red with one of %i s, and says so', async (seconds, reason) => {
    await expect(skewOf(seconds).skew.check()).rejects.toThrow(reason);
  });

  it('is a gauge too', async () => {
    const { metrics } = skewOf(-70.5);
    expect(await metrics.registry.metrics()).toContain('clock_skew_seconds -70.5');
  });

  it('is measured once for all who ask within two seconds', async () => {
    const { skew } = skewOf(0, 70);
    await Promise.all([skew.check(), skew.check()]);
    await expect(skew.check()).resolves.toBeUndefined();
  });
});
