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
    'rejects %p and lists the accepted forms',
    (text) => {
      expect(() => sinceOf(text, now)).toThrow(/is not a time: give 30m, 1h, 2d or an RFC 3339 time/);
    },
  );

  it('rejects a time in the future', () => {
    expect(() => sinceOf('2026-11-25T08:00:01Z', now)).toThrow(/future/);
  });
});
