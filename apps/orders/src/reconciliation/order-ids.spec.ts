import { uuidv7 } from '@rookery/platform';
import { firstIdAt, placedAt } from './order-ids';

describe('the ids of orders', () => {
  it('lie between the bounds of the time in which they were made', () => {
    const before = new Date();
    const id = uuidv7();
    const after = new Date(Date.now() + 1);
    expect(firstIdAt(before) < id).toBe(true);
    expect(id < firstIdAt(after)).toBe(true);
    expect(placedAt(id).getTime()).toBeGreaterThanOrEqual(before.getTime());
    expect(placedAt(id).getTime()).toBeLessThan(after.getTime());
  });

  it.each(['2026-11-25T10:00:00.123Z', '1970-01-01T00:00:00.000Z'])('bound %s and tell it again', (time) => {
    expect(placedAt(firstIdAt(new Date(time))).toISOString()).toBe(time);
  });

  it('have bounds for times that no order has', () => {
    expect(firstIdAt(new Date(-1))).toBe('00000000-0000-0000-0000-000000000000');
    expect(firstIdAt(new Date(8.64e15))).toBe('ffffffff-ffff-0000-0000-000000000000');
  });
});
