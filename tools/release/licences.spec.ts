import { isAllowed, licenceProblems, productionPackages, READ_LICENCES, readLockFile } from './licences';

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

  it('takes nested packages and those of other platforms, and nothing that is for development', () => {
    const packages = productionPackages({
      packages: {
        '': { version: '1' },
        'node_modules/a': { version: '1' },
        'node_modules/a/node_modules/@b/b': { version: '2' },
        'node_modules/dev': { version: '1', dev: true },
        'node_modules/optional-peer': { version: '1', devOptional: true },
      },
    });
    expect(packages.map(({ name, version }) => `${name}@${version}`)).toEqual(['a@1', '@b/b@2']);
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
