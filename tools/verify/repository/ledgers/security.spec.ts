import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { faultsOfRequirements, type RequirementsSubject } from './requirements';

const root = new URL('../../../..', import.meta.url).pathname;
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/**
 * The requirements of levels 1 and 2 in the chapters V2, V4, V8, V9 and V10 of OWASP ASVS 5.0.0, by section: the last numbers. Those
 * left out are of level 3.
 */
const asvs: Readonly<Record<string, readonly number[]>> = {
  'V2.1': [1, 2, 3],
  'V2.2': [1, 2, 3],
  'V2.3': [1, 2, 3, 4],
  'V2.4': [1],
  'V4.1': [1, 2, 3],
  'V4.2': [1],
  'V4.3': [1, 2],
  'V4.4': [1, 2, 3, 4],
  'V8.1': [1, 2],
  'V8.2': [1, 2, 3],
  'V8.3': [1],
  'V8.4': [1],
  'V9.1': [1, 2, 3],
  'V9.2': [1, 2, 3, 4],
  'V10.1': [1, 2],
  'V10.2': [1, 2],
  'V10.3': [1, 2, 3, 4],
  'V10.4': [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
  'V10.5': [1, 2, 3, 4, 5],
  'V10.6': [1, 2],
  'V10.7': [1, 2, 3],
};

const ids: readonly string[] = [
  ...Array.from({ length: 10 }, (_, index) => `API${index + 1}:2023`),
  ...Object.entries(asvs).flatMap(([section, numbers]) => numbers.map((number) => `${section}.${number}`)),
];

describe('the page about security', () => {
  it('answers every requirement of the chapters and the top ten, by tests that there are or by a reason', () => {
    const subject: RequirementsSubject = { ids, exists: (path) => existsSync(join(root, path)), read };
    expect(faultsOfRequirements(read('docs/ledgers/security.yaml'), subject)).toEqual([]);
  });

  it('is where the policy for reports leads to, and back', () => {
    expect(read('SECURITY.md')).toContain('](docs/security.md)');
    expect(read('docs/security.md')).toContain('](../SECURITY.md)');
  });
});

describe('the check of the page', () => {
  const shop: RequirementsSubject = {
    ids: ['V2.1.1', 'API1:2023'],
    exists: (path) => path === 'shop/shop.spec.ts',
    read: () => "it('sells once', () => {});\n",
  };
  const sells = { spec: 'shop/shop.spec.ts', titles: ['sells once'] };
  const row = (id: string, state = 'met', proof: readonly object[] = [sells]): object => ({
    id,
    requirement: 'a requirement',
    state,
    proof,
  });
  const faults = (...rows: readonly object[]) =>
    faultsOfRequirements(stringify({ chapters: [{ title: 'Shops', rows }] }), shop);

  it('finds nothing wrong with rows that are true', () => {
    expect(faults(row('V2.1.1'), row('API1:2023', 'not done: nobody has begun', []))).toEqual([]);
  });

  it('finds a requirement that is missing, doubled or made up', () => {
    expect(faults(row('V2.1.1'), row('V2.1.1'), row('V2.1.9'))).toEqual([
      'V2.1.1: 2 rows',
      'API1:2023: no row',
      'V2.1.9: no such requirement',
    ]);
  });

  it.each([
    ['a spec that is not there', 'met', [{ ...sells, spec: 'gone.spec.ts' }], 'gone.spec.ts does not exist'],
    [
      'a test that is not there',
      'met',
      [{ ...sells, titles: ['sells twice'] }],
      'shop/shop.spec.ts has no test "sells twice"',
    ],
    ['a claim without a test', 'met', [], 'claimed without a test'],
    ['a part of a claim without a test', 'partly: half', [], 'claimed without a test'],
    [
      'a state without its reason',
      'not applicable',
      [sells],
      'the state "not applicable" is none of met, partly: …, not done: …, not applicable: …',
    ],
  ])('finds %s', (_what, state, proof, fault) => {
    expect(faults(row('V2.1.1', state, proof), row('API1:2023'))).toEqual([`V2.1.1: ${fault}`]);
  });

  it('finds a spec that is named without a title', () => {
    expect(faults(row('V2.1.1', 'met', [sells, { spec: 'shop/shop.spec.ts' }]), row('API1:2023'))).toEqual([
      'V2.1.1: shop/shop.spec.ts is named without a title',
    ]);
  });
});
