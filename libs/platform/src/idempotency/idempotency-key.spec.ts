import { idempotencyKeyOf } from './idempotency-key';
import { IdempotencyKeyMalformed, IdempotencyKeyMissing } from './idempotency.errors';

const idempotencyKey = (header: string | undefined): string => idempotencyKeyOf(header, 'orders');

describe('Idempotency-Key', () => {
  it('takes the quoted and the bare form as the same key', () => {
    expect(idempotencyKey('"8e03978e-40d5"')).toBe(idempotencyKey('8e03978e-40d5'));
    expect(idempotencyKey('"with\\"quote"')).toBe(idempotencyKey('with"quote'));
  });

  it.each([['a'.repeat(8)], ['a'.repeat(255)], ['~!@#$%^&*()']])('takes %s', (key) => {
    expect(idempotencyKey(key)).toBe(key);
  });

  it.each([[undefined], [''], ['  ']])('calls %j missing', (header) => {
    expect(() => idempotencyKey(header)).toThrow(IdempotencyKeyMissing);
  });

  it.each([
    ['a'.repeat(7)],
    ['a'.repeat(256)],
    ['"short"'],
    ['"unclosed-key'],
    ['"'],
    ['"bad\\escape"'],
    ['two keys-joined, by-a-proxy'],
    ['umlaut-äöü-key'],
    ['tab\tinside-key'],
  ])('calls %j malformed', (header) => {
    expect(() => idempotencyKey(header)).toThrow(IdempotencyKeyMalformed);
  });
});
