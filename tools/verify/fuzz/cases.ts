import fc from 'fast-check';
import { type FuzzedDocument, type Operation, operationsOf, type Parameter } from './document';
import type { FuzzCase, Identity } from './fuzz-case';
import { hostileHeaderValue, hostileParameter, mutatedJson, validJson, validParameter } from './values';

const JSON_TYPE = 'application/json';

const hostileTypes = [
  '',
  'application/json; charset=utf-8',
  'application/json; charset=latin1',
  'application/json; charset=utf-16',
  'application/json;charset="utf-8"; x=1',
  'application/json; charset=',
  'APPLICATION/JSON',
  'application/jsonx',
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/problem+json',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'text/plain',
  'text/json',
  '*/*',
  'nonsense',
  'application/json, text/plain',
];

/** Headers that a route does not ask for, and that must not confuse it. */
const hostileHeaders: readonly (readonly [string, fc.Arbitrary<string>])[] = [
  [
    'accept',
    fc.constantFrom('text/html', '*/*', 'application/*;q=0.1', 'application/json;q=0', '', ',', ';q=', 'a/b;q=x'),
  ],
  ['accept-encoding', fc.constantFrom('gzip', 'br;q=1', '*;q=0', '')],
  ['accept-language', fc.constantFrom('x'.repeat(300), '*')],
  ['content-encoding', fc.constantFrom('gzip', 'br', 'identity', 'x')],
  ['content-language', fc.constantFrom('xx')],
  ['if-modified-since', fc.constantFrom('yesterday', 'Thu, 01 Jan 1970 00:00:00 GMT')],
  ['range', fc.constantFrom('bytes=0-0', 'bytes=9-1', 'x')],
  ['origin', fc.constantFrom('null', 'http://evil.example', 'x')],
  ['referer', fc.constantFrom('x', 'http://evil.example/')],
  ['cookie', fc.constantFrom('a=b', '=', ';;;', `s=${'x'.repeat(2_000)}`)],
  ['x-http-method-override', fc.constantFrom('DELETE', 'x')],
  ['x-forwarded-for', fc.constantFrom('203.0.113.1', 'x', '::1', '1,2,3')],
  ['x-forwarded-proto', fc.constantFrom('https', 'x')],
  ['x-forwarded-host', fc.constantFrom('evil.example', 'x y')],
  ['forwarded', fc.constantFrom('for=1.2.3.4', ';')],
  ['x-user', fc.constantFrom('olga')],
  ['x-correlation-id', hostileHeaderValue],
  ['traceparent', fc.oneof(hostileHeaderValue, fc.constant(`00-${'0'.repeat(32)}-${'0'.repeat(16)}-00`))],
  ['tracestate', hostileHeaderValue],
  ['baggage', hostileHeaderValue],
  ['x-request-deadline', hostileHeaderValue],
];

/** What of a request is changed. */
type Part = 'path' | 'query' | 'header' | 'body' | 'type' | 'identity' | 'extra header';

/** The identity that an operation is meant for. */
const rightIdentity = ({ scopes }: Operation): fc.Arbitrary<Identity> => {
  if (scopes === undefined) {
    return fc.constantFrom('nobody', 'nobody', 'customer');
  }
  const customers = scopes.every((scope) => scope.startsWith('orders:'));
  return customers ? fc.constantFrom('customer', 'customer', 'operator') : fc.constant('operator');
};

/** Values of parameters, present or (where they are optional) not. */
function parametersOf(
  operation: Operation,
  kind: Parameter['in'],
): fc.Arbitrary<readonly (readonly [string, string])[]> {
  const each = operation.parameters
    .filter((parameter) => parameter.in === kind)
    .map((parameter) => {
      const pair = validParameter(parameter, operation).map((value) => [parameter.name, value] as const);
      if (parameter.required) {
        return pair.map((one) => [one]);
      }
      // A page to go on with is only right with the request that it came from.
      const left = parameter.name === 'cursor' ? 30 : 2;
      return fc.oneof({ weight: left, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: pair.map((one) => [one]) });
    });
  return fc.tuple(...each).map((parts) => parts.flat());
}

function mutatedParameters(
  operation: Operation,
  kind: 'query' | 'header',
): fc.Arbitrary<readonly (readonly [string, string])[]> {
  const valid = parametersOf(operation, kind);
  const names = operation.parameters.filter((parameter) => parameter.in === kind).map(({ name }) => name);
  const value = kind === 'query' ? hostileParameter : hostileHeaderValue;
  const replaced =
    names.length === 0
      ? []
      : [
          fc
            .tuple(valid, fc.constantFrom(...names), value)
            .map(([pairs, name, text]) => [...pairs.filter(([one]) => one !== name), [name, text] as const]),
        ];
  if (kind === 'header') {
    return fc.oneof(...replaced, fc.constant([]));
  }
  const strange = fc.constantFrom(
    'surprise',
    '__proto__',
    '__proto__[x]',
    'constructor',
    'toString',
    'limit[]',
    '%00',
    '%ff',
    '',
  );
  return fc.oneof(
    ...replaced,
    ...replaced,
    fc.tuple(valid, strange, value).map(([pairs, name, text]) => [...pairs, [name, text] as const]),
    // The same name twice.
    ...(names.length === 0
      ? []
      : [
          fc
            .tuple(valid, fc.constantFrom(...names), value, value)
            .map(([pairs, name, one, two]) => [...pairs, [name, one] as const, [name, two] as const]),
        ]),
    fc.constant([]),
  );
}

/** Requests of one operation with exactly these parts not as the document says; none for valid ones. */
function caseOf(document: FuzzedDocument, operation: Operation, changed: readonly Part[]): fc.Arbitrary<FuzzCase> {
  const is = (part: Part): boolean => changed.includes(part);
  const pathNames = operation.parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name);
  const { body } = operation;
  const jsonOf = (): fc.Arbitrary<string | undefined> => {
    if (body === undefined) {
      return is('body') ? fc.constantFrom('{}', '{"x":1}', '[]', 'null', '{', '""') : fc.constant(undefined);
    }
    if (!is('body')) {
      return validJson(document, body);
    }
    return fc.oneof(
      { weight: 12, arbitrary: mutatedJson(document, body) },
      { weight: 1, arbitrary: fc.constantFrom('', '{', '{}{}', '\ufeff{}', 'x', '{"a":1,}', "{'a':1}", 'NaN') },
      { weight: 1, arbitrary: validJson(document, body).map((json) => json + ' '.repeat(110_000)) },
    );
  };
  return fc
    .record({
      identity: is('identity')
        ? fc.constantFrom<Identity>('nobody', 'customer', 'operator', 'forged')
        : rightIdentity(operation),
      path: fc.tuple(
        ...pathNames.map((name) =>
          is('path') ? hostileParameter : validParameter({ name, schema: {}, in: 'path' }, operation),
        ),
      ),
      query: is('query') ? mutatedParameters(operation, 'query') : parametersOf(operation, 'query'),
      headers: is('header') ? mutatedParameters(operation, 'header') : parametersOf(operation, 'header'),
      extra: is('extra header')
        ? fc.constantFrom(...hostileHeaders).chain(([name, values]) => values.map((value) => [[name, value] as const]))
        : fc.constant([]),
      type: is('type') ? fc.constantFrom(...hostileTypes) : fc.constant(JSON_TYPE),
      body: jsonOf(),
    })
    .map(({ path, headers, extra, type, ...rest }) => ({
      ...rest,
      operation,
      path: Object.fromEntries(pathNames.map((name, index) => [name, path[index] ?? ''])),
      headers: [
        ...headers,
        ...extra,
        ...(rest.body === undefined || (is('type') && type === '') ? [] : [['content-type', type] as const]),
      ],
    }));
}

/** Requests of every operation of a document: a third is valid, the others have one or two parts changed. */
export function casesOf(document: FuzzedDocument): fc.Arbitrary<FuzzCase> {
  return fc.oneof(
    ...operationsOf(document).map((operation) => {
      const parts: readonly Part[] = [
        'identity',
        'query',
        'extra header',
        'body',
        ...(operation.body === undefined ? [] : (['body', 'body', 'type'] as const)),
        ...(operation.path.includes('{') ? (['path'] as const) : []),
        ...(operation.parameters.some((parameter) => parameter.in === 'header') ? (['header'] as const) : []),
      ];
      const part = fc.constantFrom(...parts);
      return fc.oneof(
        { weight: 3, arbitrary: caseOf(document, operation, []) },
        { weight: 5, arbitrary: part.chain((one) => caseOf(document, operation, [one])) },
        { weight: 1, arbitrary: fc.tuple(part, part).chain((both) => caseOf(document, operation, both)) },
      );
    }),
  );
}

/** A request that the document allows, by who may send it. */
export const validCaseOf = (document: FuzzedDocument, operation: Operation): fc.Arbitrary<FuzzCase> =>
  caseOf(document, operation, []);
