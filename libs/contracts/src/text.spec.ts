import type { z } from 'zod';
import { textsIn } from '../test/texts-in';
import { Text } from './primitives';
import { rpcContracts } from './registry';

const COMPOSED = 'Caf\u00e9';
const DECOMPOSED = 'Cafe\u0301';

it('is the same text however its accents were typed, and counted as such', () => {
  expect(Text(4).parse(DECOMPOSED)).toBe(COMPOSED);
  expect(Text(4).parse(COMPOSED)).toBe(COMPOSED);
  expect(Text(3).safeParse(DECOMPOSED).success).toBe(false);
});

/** Text of a closed form is one spelling anyway; every other one is brought into a normal form. */
const hasOneSpelling = (schema: z.ZodString): boolean =>
  (schema.def.checks ?? []).some(({ _zod: { def } }) => def.check === 'overwrite' || def.check === 'string_format');

const texts = rpcContracts.flatMap(({ subject, request }) => textsIn(request, subject));

it('is found in the requests', () => {
  const paths = texts.map(([path]) => path);
  expect(paths).toContain('rpc.products.create/name');
  expect(paths).toContain('rpc.products.change/change/category');
  expect(paths).toContain('rpc.products.list/q');
  expect(paths).toContain('rpc.products.adjust-stock/adjustment/reason');
});

it('has one spelling wherever a request takes it; a password is normalised where it is hashed', () => {
  const several = texts.filter(([, schema]) => !hasOneSpelling(schema)).map(([path]) => path);
  expect(several.filter((path) => path !== 'rpc.auth.register/password')).toEqual([]);
});
