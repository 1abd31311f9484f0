import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findUnwanted, secretsAround } from './contents';

describe('what an image must not hold', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rookery-contents-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const put = (path: string, text = ''): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  const secret = 'n3f9a1c7e5b2d8f4a6c0e1b3';
  const find = () =>
    findUnwanted([folder], {
      production: new Set(['fastify', '@fastify/static']),
      secrets: new Map([['docker/.env', secret]]),
    });

  it('is nothing in an image as it should be', () => {
    put('app/main.js', '// code');
    put('app/package.json', '{}');
    put('app/node_modules/fastify/lib/route.js');
    put('app/node_modules/@fastify/static/jest/index.js');
    put('app/node_modules/fastify/index.js.map');
    expect(find()).toEqual([]);
  });

  it('finds a package that is for development only, also a scoped one and one inside another package', () => {
    put('app/node_modules/@nx/js/index.js');
    put('app/node_modules/fastify/node_modules/jest/index.js');
    expect(find()).toEqual(
      expect.arrayContaining([
        '/app/node_modules/@nx/js does not belong to the product',
        '/app/node_modules/fastify/node_modules/jest does not belong to the product',
      ]),
    );
    expect(find()).toHaveLength(2);
  });

  it('finds our source maps and sources, npm, and settings of the builder', () => {
    put('app/main.js.map');
    put('app/src/main.ts');
    put('usr/local/lib/node_modules/npm/bin/npm-cli.js');
    put('root/.npmrc');
    expect(find().toSorted()).toEqual([
      '/app/main.js.map is one of our source maps',
      '/app/src/main.ts is one of our sources',
      '/root/.npmrc holds settings of the builder',
      '/usr/local/lib/node_modules/npm does not belong to the product',
      '/usr/local/lib/node_modules/npm/bin/npm-cli.js is npm',
    ]);
  });

  it('finds a secret in the middle of any file, and does not print it', () => {
    put('app/node_modules/fastify/index.js', `const a = 1; // ${secret} //`);
    expect(find()).toEqual(['/app/node_modules/fastify/index.js contains the secret docker/.env']);
  });

  it('takes the values of the secrets’ files and of npm’s tokens as secrets', () => {
    put('docker/.env', `# Made by us\nPOSTGRES_PASSWORD='${secret}'\n`);
    put('k8s/overlays/dev/secrets/orders/SEALING_KEY', `${secret}2`);
    put('home/.npmrc', `fund=false\n//registry.example/:_authToken=${secret}3\n`);
    expect([...secretsAround(folder, join(folder, 'home')).values()]).toEqual([secret, `${secret}2`, `${secret}3`]);
  });
});
