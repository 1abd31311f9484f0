import { isAllowed, licenceProblems, type LockFile, productionPackages, READ_LICENCES, readLockFile } from './licences';

const nothing = { dependencies: {}, optionalDependencies: {}, peerDependencies: {}, peerDependenciesMeta: {} };
const lock = (packages: Readonly<Record<string, Partial<LockFile['packages'][string]>>>): LockFile => ({
  packages: Object.fromEntries(Object.entries(packages).map(([path, about]) => [path, { ...nothing, ...about }])),
});

describe('licences of the product', () => {
  it('allows every package that the product brings with it', () => {
    const packages = productionPackages(readLockFile());
    expect(packages.length).toBeGreaterThan(100);
    expect(packages.map(({ name }) => name)).toEqual(expect.arrayContaining(['fastify', 'typeorm', 'oidc-provider']));
    expect(licenceProblems(packages)).toEqual([]);
  });

  it('has no answer for a package that is not there any more', () => {
    const there = new Set(productionPackages(readLockFile()).map(({ name, version }) => `${name}@${version}`));
    expect([...READ_LICENCES.keys()].filter((key) => !there.has(key))).toEqual([]);
  });

  it('follows what dependencies bring: nested ones, optional ones and peers, and nothing that is for development', () => {
    const packages = productionPackages(
      lock({
        '': { dependencies: { a: '1' } },
        'node_modules/a': {
          version: '1',
          dependencies: { b: '1' },
          optionalDependencies: { c: '1' },
          peerDependencies: { p: '1', q: '1' },
          peerDependenciesMeta: { q: { optional: true } },
        },
        'node_modules/a/node_modules/b': { version: '2', dependencies: { c: '1' } },
        'node_modules/b': { version: '1' },
        'node_modules/c': { version: '1' },
        'node_modules/p': { version: '1' },
        'node_modules/q': { version: '1' },
        'node_modules/dev': { version: '1' },
      }),
    );
    expect(packages.map(({ name, version }) => `${name}@${version}`)).toEqual(['a@1', 'b@2', 'c@1', 'p@1']);
  });

  it.each([undefined, 'GPL-3.0-only', 'AGPL-3.0', 'SEE LICENSE IN LICENSE', 'UNLICENSED', 'MIT AND GPL-2.0'])(
    'refuses a package under %s',
    (licence) => {
      expect(licenceProblems([{ name: 'x', version: '1.0.0', licence }])).toHaveLength(1);
    },
  );

  it.each(['MIT', '(MIT OR GPL-3.0)', '(MIT AND BSD-3-Clause)', '(BSD-2-Clause OR MIT OR Apache-2.0)'])(
    'allows %s',
    (licence) => {
      expect(isAllowed(licence)).toBe(true);
    },
  );
});
