import fc from 'fast-check';
import { parseJsonBody, UnreadableBody } from './json-body';

const parse = (text: string | Buffer) => parseJsonBody(Buffer.from(text), 20);
const codeOf = (text: string | Buffer): string => {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof UnreadableBody) {
      return error.code;
    }
    throw error;
  }
  return 'accepted';
};
const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;

describe('a JSON body', () => {
  it('takes no bytes for no body', () => {
    expect(parseJsonBody(Buffer.alloc(0), 20)).toBeUndefined();
  });

  it('accepts nesting up to the limit and refuses one level more', () => {
    expect(codeOf(nested(20))).toBe('accepted');
    expect(codeOf(nested(21))).toBe('request.too-deep');
    expect(codeOf(`${'{"a":'.repeat(21)}1${'}'.repeat(21)}`)).toBe('request.too-deep');
  });

  it('refuses 45,000 nested arrays without overflowing the stack', () => {
    expect(codeOf(nested(45_000))).toBe('request.too-deep');
    expect(codeOf('['.repeat(90_000))).toBe('request.too-deep');
  });

  it('does not count brackets in strings', () => {
    expect(parse(`{"a":"${'['.repeat(100)}\\"[","b":"\\\\"}`)).toEqual({ a: `${'['.repeat(100)}"[`, b: '\\' });
  });

  it.each([
    ['no JSON', '{"a":', 'request.invalid-json'],
    ['a number that is none', '{"a":01}', 'request.invalid-json'],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'request.invalid-json'],
    ['a surrogate written as UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 'request.invalid-json'],
    ['U+0000', '{"a":"x\\u0000y"}', 'request.unsafe-text'],
    ['U+0000 in a key', '{"x\\u0000":1}', 'request.unsafe-text'],
    ['a lone high surrogate', '{"a":"\\ud800"}', 'request.unsafe-text'],
    ['a lone low surrogate', '{"a":"\\uDC00"}', 'request.unsafe-text'],
    ['two high surrogates', '{"a":"\\ud83d\\ud83d"}', 'request.unsafe-text'],
    ['a high surrogate before an escaped backslash', '{"a":"\\ud83d\\\\udc00"}', 'request.unsafe-text'],
    ['__proto__', '{"__proto__":{"admin":true}}', 'request.unsafe-key'],
    ['__proto__ in an array in an object', '{"a":[{"__proto__":1}]}', 'request.unsafe-key'],
    ['__proto__ spelt by escapes', '{"\\u005f_proto__":{"admin":true}}', 'request.unsafe-key'],
    ['a key twice', '{"a":1,"b":2,"a":3}', 'request.duplicate-key'],
    ['a key twice, spelt in two ways', '{"a":1,"\\u0061":1}', 'request.duplicate-key'],
    ['a key twice in an object in an array', '[{"a":{"b":1,"b":1}}]', 'request.duplicate-key'],
    ['an index twice', '{"1":1,"1":2}', 'request.duplicate-key'],
    ['constructor', '{"constructor":{"prototype":{"admin":true}}}', 'request.unsafe-key'],
  ])('refuses %s', (_what, text, code) => {
    expect(codeOf(text)).toBe(code);
  });

  it('accepts escaped characters outside the basic plane and words that only look like unsafe keys', () => {
    expect(parse('{"a":"\\ud83d\\uDE00","b":"__proto__ constructor \\\\u0000"}')).toEqual({
      a: '😀',
      b: '__proto__ constructor \\u0000',
    });
  });

  it('accepts colons in strings, and one key in several objects', () => {
    const value = { a: 'b: c', 'd:': [{ a: ':' }, { a: {} }], e: { a: [] } };
    expect(parse(JSON.stringify(value))).toEqual(value);
  });

  it('gives what JSON.parse gives for every safe value', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 8 }), (text) => {
        fc.pre(!/\\u|__proto__|constructor|prototype/.test(text));
        expect(parse(text)).toEqual(JSON.parse(text));
      }),
    );
  });
});
