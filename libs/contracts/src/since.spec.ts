import { sinceOf } from './since';

const now = new Date('2026-11-25T08:00:00.000Z');

describe('sinceOf', () => {
  it.each([
    ['30m', '2026-11-25T07:30:00.000Z'],
    ['1h', '2026-11-25T07:00:00.000Z'],
    ['2d', '2026-11-23T08:00:00.000Z'],
    ['2026-11-25T06:00:00Z', '2026-11-25T06:00:00.000Z'],
    ['2026-11-25T06:00:00.5+02:00', '2026-11-25T04:00:00.500Z'],
  ])('understands %s', (text, expected) => {
    expect(sinceOf(text, now).toISOString()).toBe(expected);
  });

  it.each(['', '1', 'h', '0h', '-1h', '1.5h', '1w', '1h30m', '2026-11-25', '2026-11-25T06:00:00', 'yesterday'])(
    'refuses %p and says what it takes',
    (text) => {
      expect(() => sinceOf(text, now)).toThrow(/is no time\.\n.*30m, 1h, 2d or an RFC 3339 time/);
    },
  );

  it('refuses a time that lies ahead', () => {
    expect(() => sinceOf('2026-11-25T08:00:01Z', now)).toThrow(/future/);
  });
});
