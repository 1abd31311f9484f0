import { firstUuidAt, timeOfUuid, uuidv7 } from './uuid';

describe('a UUID v7', () => {
  it('lies between the bounds of the time in which it was made', () => {
    const before = new Date();
    const id = uuidv7();
    const after = new Date(Date.now() + 1);
    expect(firstUuidAt(before) < id).toBe(true);
    expect(id < firstUuidAt(after)).toBe(true);
    expect(timeOfUuid(id).getTime()).toBeGreaterThanOrEqual(before.getTime());
    expect(timeOfUuid(id).getTime()).toBeLessThan(after.getTime());
  });

  it.each(['2026-11-25T10:00:00.123Z', '1970-01-01T00:00:00.000Z'])(
    'has a bound at %s that carries that time',
    (time) => {
      expect(timeOfUuid(firstUuidAt(new Date(time))).toISOString()).toBe(time);
    },
  );

  it('has bounds at times that no UUID can hold', () => {
    expect(firstUuidAt(new Date(-1))).toBe('00000000-0000-0000-0000-000000000000');
    expect(firstUuidAt(new Date(8.64e15))).toBe('ffffffff-ffff-0000-0000-000000000000');
  });
});
