import fc from 'fast-check';
import { type FuzzedDocument, type Operation, type Parameter, resolved, type Schema } from './document';
import { hole, type Hole } from './fuzz-case';

/** JSON as a text, so that also what `JSON.stringify` never writes can be in it: 1e309, `__proto__`, a key twice. */
type JsonText = fc.Arbitrary<string>;

const text = (value: unknown): string => JSON.stringify(value);

const UUID = '019a5c2e-6f00-7000-8000-00000000ffff';

const numberOf = (value: unknown, fallback: number): number => (typeof value === 'number' ? value : fallback);
const stringsOf = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : []);
const schemasOf = (value: unknown): readonly Schema[] => (Array.isArray(value) ? value.map(asSchema) : []);
const propertiesOf = ({ properties }: Schema): readonly (readonly [string, Schema])[] =>
  typeof properties === 'object' && properties !== null ? Object.entries(properties) : [];

/** Texts that a schema of a string allows, where such values exist in the running system one of those. */
export function validString(schema: Schema, name: string): fc.Arbitrary<string> {
  const { enum: allowed, format, pattern, minLength, maxLength } = schema;
  if (Array.isArray(allowed)) {
    return fc.constantFrom(...allowed.map(String));
  }
  if (/^idempotency-key$/i.test(name)) {
    return fc.constant(`fuzz-${hole('unique')}`);
  }
  if (name === 'sku') {
    return fc.constant(`FUZZ-${hole('unique')}`);
  }
  if (name === 'paymentToken') {
    return fc.constantFrom('tok_ok', 'tok_insufficient_funds', 'tok_declined');
  }
  if (name === 'currency') {
    return fc.constantFrom('EUR', 'EUR', 'JPY', 'BHD');
  }
  if (/if-(none-)?match/i.test(name)) {
    return fc.constantFrom('*', '"1"', '"2"');
  }
  if (name === 'cursor') {
    return fc.constantFrom('AAAA', 'eyJ4IjoxfQ');
  }
  if (format === 'email') {
    return fc.constant(`${hole('unique')}@fuzz.example`);
  }
  if (format === 'uuid') {
    return fc.constantFrom(hole('product'), hole('order'));
  }
  if (format === 'date-time') {
    return fc.constantFrom('2026-11-23T08:00:00.000Z', '2026-11-23T08:00:00+02:00');
  }
  if (typeof pattern === 'string') {
    return fc.stringMatching(new RegExp(pattern));
  }
  const least = numberOf(minLength, 0);
  return fc
    .string({ minLength: least, maxLength: Math.min(numberOf(maxLength, 50), Math.max(least, 50)), unit: 'grapheme' })
    .map((value) => (value.trim() === '' ? 'x'.repeat(Math.max(1, least)) : value));
}

/** JSON that a schema allows. */
export function validJson(document: FuzzedDocument, schema: Schema, name = ''): JsonText {
  const { type, anyOf, properties, items, minItems, maxItems, minimum, maximum, required } = resolved(document, schema);
  if (Array.isArray(anyOf)) {
    return fc.oneof(...schemasOf(anyOf).map((one) => validJson(document, one, name)));
  }
  switch (type) {
    case 'null':
      return fc.constant('null');
    case 'integer': {
      const [min, max] = [numberOf(minimum, Number.MIN_SAFE_INTEGER), numberOf(maximum, Number.MAX_SAFE_INTEGER)];
      return fc
        .oneof(fc.integer({ min: Math.max(min, 0), max: Math.min(max, 20) }), fc.integer({ min, max }))
        .map(text);
    }
    case 'array':
      return fc
        .array(validJson(document, asSchema(items), name), {
          minLength: numberOf(minItems, 0),
          maxLength: Math.min(numberOf(maxItems, 3), 3),
        })
        .map((parts) => `[${parts.join(',')}]`);
    case 'object': {
      const needed = new Set(stringsOf(required));
      const parts = propertiesOf({ properties }).map(([key, value]) => {
        const member = validJson(document, value, key).map((json): string | undefined => `${text(key)}:${json}`);
        if (needed.has(key)) {
          return member;
        }
        // What is expected to be paid is only right with the prices of these very products.
        const left = key === 'expectedTotal' ? 30 : 1;
        return fc.oneof({ weight: left, arbitrary: fc.constant(undefined) }, { weight: 5, arbitrary: member });
      });
      return fc.tuple(...parts).map((members) => `{${members.filter((one) => one !== undefined).join(',')}}`);
    }
    default:
      return name === 'productId'
        ? fc.constant(text(hole('product')))
        : validString(resolved(document, schema), name).map(text);
  }
}

function asSchema(value: unknown): Schema {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

const nested = (open: string, depth: number, close: string): string => open.repeat(depth) + '1' + close.repeat(depth);

/** Texts, already escaped for JSON, that break what is not prepared for them. */
const hostileTexts = [
  '',
  ' ',
  '\\u0000',
  'a\\u0000b',
  '\\ud800',
  '\\udc00\\ud800',
  '\\ud83e\\udd89',
  '\\u202e\\ufeff\\u200b',
  '\\u00e9e\\u0301',
  'Ω≈ç√∫˜µ≤',
  "' OR '1'='1",
  "'; DROP TABLE orders; --",
  '$1',
  '${7*7}{{7*7}}',
  '../../../../etc/passwd',
  '<script>alert(1)</script>',
  '%00%0d%0a',
  '\\r\\nset-cookie: a=b',
  '__proto__',
  'constructor',
  'null',
  'NaN',
  '-1',
  '0',
  '1e5',
  '2026-02-30T25:61:00Z',
  '+275760-09-13T00:00:00.001Z',
  '-000001-01-01T00:00:00Z',
  '0001-01-01T00:00:00Z',
  UUID,
  '00000000-0000-0000-0000-000000000000',
  'tok_',
  'EURO',
  'eur',
  'x@y',
  'x'.repeat(65),
  'x'.repeat(256),
  'x'.repeat(6_000),
];

const hostileNumbers = [
  '-1',
  '0',
  '-0',
  '1',
  '1.5',
  '1.0',
  '1e2',
  '1e-7',
  '1e309',
  '-1e309',
  '2147483647',
  '2147483648',
  '1000000001',
  '1000000000001',
  '9007199254740991',
  '9007199254740992',
  '9007199254740993',
  '-9007199254740993',
  '9223372036854775808',
  '1'.repeat(400),
  `0.${'1'.repeat(400)}`,
];

const hostileStructures = [
  'null',
  'true',
  'false',
  '[]',
  '{}',
  '[null]',
  '[[]]',
  '{"__proto__":{"x":1}}',
  '{"constructor":{"prototype":{"x":1}}}',
  '{"toString":1}',
  '{"length":1e9}',
  '{"$ref":"#"}',
  '{"then":1}',
  nested('[', 19, ']'),
  nested('[', 25, ']'),
  nested('{"a":', 25, '}'),
  nested('[', 45_000, ']'),
  '['.repeat(5_000),
  `[${'1,'.repeat(5_000)}1]`,
];

/** JSON, or what only looks like it, that no schema was made for. */
const hostileJson: JsonText = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...hostileTexts).map((one) => `"${one}"`) },
  { weight: 4, arbitrary: fc.constantFrom(...hostileNumbers) },
  { weight: 3, arbitrary: fc.constantFrom(...hostileStructures) },
  { weight: 2, arbitrary: fc.json({ maxDepth: 3 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 300 }).map(text) },
);

const extraKeys = [
  '__proto__',
  '\\u005f_proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'id',
  'status',
  'price',
  'total',
  'customerId',
  'version',
  'roles',
  'stock',
  '',
  'a~/b',
  '\\u0000',
  '\\ud800',
  'x'.repeat(5_000),
];

/** JSON of a schema with one thing wrong somewhere in it: a value, a missing, an extra or a repeated member. Now and then it is still right. */
export function mutatedJson(document: FuzzedDocument, schema: Schema, name = ''): JsonText {
  const { type, anyOf, properties, items, maxItems } = resolved(document, schema);
  if (Array.isArray(anyOf)) {
    return fc.oneof(hostileJson, ...schemasOf(anyOf).map((one) => mutatedJson(document, one, name)));
  }
  if (type === 'array') {
    return mutatedArray(document, asSchema(items), numberOf(maxItems, 100), name);
  }
  if (type !== 'object') {
    return hostileJson;
  }
  const members = propertiesOf({ properties });
  const valid = (key: string, value: Schema): JsonText =>
    validJson(document, value, key).map((json) => `${text(key)}:${json}`);
  const withMembers = (change: (index: number) => JsonText[]): JsonText =>
    fc
      .nat({ max: Math.max(0, members.length - 1) })
      .chain((index) => fc.tuple(...change(index)))
      .map((parts) => `{${parts.filter((part) => part !== '').join(',')}}`);
  const all = (): JsonText[] => members.map(([key, value]) => valid(key, value));
  const replaced = (index: number, member: JsonText): JsonText[] =>
    all().map((one, at) => (at === index ? member : one));
  return fc.oneof(
    { weight: 1, arbitrary: hostileJson },
    {
      weight: 6,
      arbitrary: withMembers((index) => {
        const [key, value] = members[index] ?? ['', {}];
        return replaced(
          index,
          mutatedJson(document, value, key).map((json) => `${text(key)}:${json}`),
        );
      }),
    },
    { weight: 2, arbitrary: withMembers((index) => replaced(index, fc.constant(''))) },
    {
      weight: 2,
      arbitrary: withMembers(() => [
        ...all(),
        fc.tuple(fc.constantFrom(...extraKeys), hostileJson).map(([key, json]) => `"${key}":${json}`),
      ]),
    },
    {
      weight: 1,
      arbitrary: withMembers((index) => {
        const [key] = members[index] ?? [''];
        return [...all(), hostileJson.map((json) => `${text(key)}:${json}`)];
      }),
    },
  );
}

/** An empty array, one with too many items, one with the same item twice, one with a wrong item. */
function mutatedArray(document: FuzzedDocument, item: Schema, maxItems: number, name: string): JsonText {
  const valid = validJson(document, item, name);
  return fc.oneof(
    hostileJson,
    fc.constant('[]'),
    valid.map((one) => `[${Array.from({ length: maxItems + 1 }, () => one).join(',')}]`),
    valid.map((one) => `[${one},${one}]`),
    fc.tuple(valid, mutatedJson(document, item, name)).map(([right, wrong]) => `[${right},${wrong}]`),
  );
}

const hostileEncoded = [
  '',
  '%00',
  'a%00b',
  '%ED%A0%80',
  '%ff',
  '%',
  '%zz',
  '%25%30%30',
  '%F0%9F%A6%89',
  '%2e%2e',
  '..%2f..%2fetc%2fpasswd',
  '%0d%0aset-cookie:a=b',
  "'",
  "1'%20OR%20'1'='1",
  '*',
  '%25',
  '_',
  '-1',
  '0',
  '1',
  '100',
  '101',
  '1.5',
  '1e2',
  '0x10',
  '%201',
  '+1',
  '1000000000',
  '9007199254740993',
  '1'.repeat(400),
  'null',
  'undefined',
  'NaN',
  'true',
  '[]',
  '{}',
  '__proto__',
  'constructor',
  UUID,
  UUID.toUpperCase(),
  `{${UUID}}`,
  UUID.replaceAll('-', ''),
  '00000000-0000-0000-0000-000000000000',
  'orders-1',
  'orders-0',
  'orders-99999999999999999999',
  'auth-1',
];

/** Around the lengths that are allowed: shrinks to the first that is too long. */
const longTexts = fc.nat({ max: 4_000 }).map((length) => 'x'.repeat(length));

/** Percent-encoded, holes left as they are. */
const encode = (value: string): string =>
  encodeURIComponent(value.toWellFormed()).replaceAll('%7B%7B', '{{').replaceAll('%7D%7D', '}}');

/** Percent-encoded texts that no parameter was made for. A query may have them as they are, a path too: none has a slash. */
export const hostileParameter: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...hostileEncoded) },
  { weight: 1, arbitrary: longTexts },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 120 }).map(encode) },
);

/** Percent-encoded texts that a parameter's schema allows. */
export function validParameter(
  { name, schema, in: place }: Pick<Parameter, 'name' | 'schema' | 'in'>,
  operation: Pick<Operation, 'method' | 'path'>,
): fc.Arbitrary<string> {
  if (name === 'orderId') {
    return fc.constant(hole('order'));
  }
  if (name === 'id') {
    return fc.constant(hole(idOf(operation)));
  }
  if (schema['type'] === 'integer') {
    const min = numberOf(schema['minimum'], 0);
    return fc.integer({ min, max: numberOf(schema['maximum'], 100) }).map(String);
  }
  return place === 'header' ? validString(schema, name) : validString(schema, name).map(encode);
}

function idOf({ method, path }: Pick<Operation, 'method' | 'path'>): Hole {
  if (path.endsWith('/cancellations')) {
    return 'pendingOrder';
  }
  if (path.endsWith('/replays')) {
    return 'replayableDeadLetter';
  }
  const ends = method === 'DELETE';
  if (path.includes('/dead-letters/')) {
    return ends ? 'spareDeadLetter' : 'deadLetter';
  }
  if (path.includes('/orders/')) {
    return 'order';
  }
  return ends ? 'spareProduct' : 'product';
}

/** Values of a header, as bytes that HTTP lets through. */
export const hostileHeaderValue: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '',
    '*',
    '""',
    '"',
    'W/"1"',
    '"1", "2"',
    '"1" "2"',
    '"-1"',
    '"99999999999999999999"',
    ',',
    '0',
    '-1',
    '1.5',
    '1e309',
    '9'.repeat(30),
    'null',
    "' OR '1'='1",
    '../../etc/passwd',
    'k\u00e4se',
    '\u00ff\u00fe',
    'x',
    'x'.repeat(255),
    'x'.repeat(256),
    'x'.repeat(9_000),
    'x'.repeat(20_000),
    UUID,
  ),
  fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)), maxLength: 60 }),
  fc.string({ unit: fc.integer({ min: 0xa0, max: 0xff }).map((code) => String.fromCharCode(code)), maxLength: 20 }),
);
