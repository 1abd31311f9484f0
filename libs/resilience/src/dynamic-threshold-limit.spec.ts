import { DynamicThresholdLimit } from './dynamic-threshold-limit';

const acquireAll = (limit: DynamicThresholdLimit, kind: string): number => {
  let acquired = 0;
  while (acquired < 1_000 && limit.tryAcquire(kind)) {
    acquired += 1;
  }
  return acquired;
};

describe('DynamicThresholdLimit', () => {
  it('leaves slots for other kinds, whichever kinds hold all that they can get', () => {
    const limit = new DynamicThresholdLimit(256);
    expect(['first', 'second', 'third', 'fourth'].map((kind) => acquireAll(limit, kind))).toEqual([128, 64, 32, 16]);
    expect(limit.inUse).toBe(240);
    expect(limit.tryAcquire('fifth')).toBe(true);
  });

  it('hands out released slots again', () => {
    const limit = new DynamicThresholdLimit(4);
    expect(acquireAll(limit, 'first')).toBe(2);
    limit.release('first');
    expect(limit.tryAcquire('first')).toBe(true);
    expect(limit.tryAcquire('first')).toBe(false);
  });

  it('counts a slot that was acquired beyond the limit', () => {
    const limit = new DynamicThresholdLimit(2);
    expect(acquireAll(limit, 'first')).toBe(1);
    limit.acquire('first');
    expect(limit.inUse).toBe(2);
    expect(limit.tryAcquire('second')).toBe(false);
    limit.release('first');
    limit.release('first');
    expect(limit.tryAcquire('second')).toBe(true);
  });
});
