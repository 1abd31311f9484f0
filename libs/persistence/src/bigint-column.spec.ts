import { bigintColumn } from './bigint-column';

describe('bigintColumn', () => {
  it.each([0, -1, Number.MAX_SAFE_INTEGER])('keeps %d', (value) => {
    expect(bigintColumn.from(bigintColumn.to(value) ?? null)).toBe(value);
  });

  it('keeps null', () => {
    expect([bigintColumn.to(null), bigintColumn.from(null)]).toEqual([null, null]);
  });

  it('rejects values outside of the safe integers', () => {
    expect(() => bigintColumn.from('9007199254740993')).toThrow(RangeError);
    expect(() => bigintColumn.to(0.5)).toThrow(RangeError);
  });
});
