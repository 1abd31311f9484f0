import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { repository } from '@rookery/devkit/stack/repository';
import { isEjected } from '@rookery/release/eject/part';
import { parts } from '@rookery/release/eject/parts';
import { planEject } from '@rookery/release/eject/request';
import { readWorkspace } from '@rookery/release/eject/workspace';
import { nameOf, planRename } from '@rookery/release/rename/rename';
import { WorkspaceCopy } from './copy';
import { BUILD, check, DOCUMENTS, ejectFrom, GENERATED, succeeded, TYPES } from './trial';

const NAME = 'tin-whistle';
const SLOW_MS = 600_000;
const Manifest = z.object({ name: z.string(), bin: z.record(z.string(), z.string()) });

const left = parts.filter((part) => !isEjected(part, readWorkspace(repository))).map(({ name }) => name);
const copy = new WorkspaceCopy(repository);
afterAll(() => copy.remove());
const read = (path: string): string => readFileSync(join(copy.root, path), 'utf8');
const manifest = () => Manifest.parse(JSON.parse(read('package.json')));

describe('a workspace is not changed', () => {
  afterEach(() => expect(copy.git('status', '--porcelain')).toBe(''));
  const careful = { force: false };

  it('by a part that there is not: wrong usage', async () => {
    const { code, said } = await copy.command('eject', 'chaoss');
    expect(said).toContain('There is no part "chaoss".');
    expect(code).toBe(2);
  });

  it.each(left.slice(0, 1))('by a dry run of %s, which names each file', async (part) => {
    const { code, said } = await copy.command('eject', part, '--dry-run');
    expect(code).toBe(0);
    expect(said).toMatch(/^- \S+$/m);
    expect(said).toMatch(/^~ README\.md$/m);
  });

  it.each(left.slice(0, 1))('by %s while there is something that is not committed', (part) => {
    writeFileSync(join(copy.root, 'mine.md'), 'Mine.\n');
    expect(() => planEject(copy.root, [part], careful)).toThrow(/not committed, the first is mine\.md\.\n.*--force/);
    expect(() => planRename(copy.root, NAME, careful)).toThrow(/not committed/);
    rmSync(join(copy.root, 'mine.md'));
  });

  it.each(left.slice(0, 1))('by %s where git could not take it back', (part) => {
    const folder = mkdtempSync(join(tmpdir(), 'rookery-spec-'));
    expect(() => planEject(folder, [part], careful)).toThrow(/is not a git checkout.*\n.*git init/);
    rmSync(folder, { recursive: true });
  });

  it.each([
    ['Tin', 'is not a name'],
    ['tin--whistle', 'is not a name'],
    ['-tin', 'is not a name'],
    ['t'.repeat(31), 'has 31 characters'],
    ['node', 'is reserved'],
    ['start', 'is taken by an npm script'],
    ['nx', 'is taken by an npm script or a package'],
    ['orders', 'is taken by a project'],
    ['embedded', 'is taken: settings begin with EMBEDDED_'],
    [nameOf(readWorkspace(repository)), 'is the name that this workspace has'],
  ])('by the name %s', (name, reason) => {
    expect(() => planRename(copy.root, name, careful)).toThrow(reason);
  });
});

describe('a workspace without any part, under another name', () => {
  const before = nameOf(readWorkspace(repository));

  beforeAll(async () => {
    if (left.length > 0) {
      await ejectFrom(copy, left);
    }
    succeeded('rename', await copy.command('rename', NAME));
    copy.commit();
  }, SLOW_MS);

  it('has no file, script or command of a part any more', () => {
    const files = readWorkspace(copy.root);
    expect(parts.filter((part) => !isEjected(part, files))).toEqual([]);
  });

  it.each(left.slice(0, 1))('refuses to eject %s again', (part) => {
    expect(() => planEject(copy.root, [part], { force: false })).toThrow(`${part} is gone already`);
  });

  it('is called by its name, and names the former one only as the holder of the copyright', async () => {
    expect(manifest()).toEqual({ name: NAME, bin: { [NAME]: 'tools/bootstrap.mjs' } });
    expect(JSON.parse(read('package-lock.json'))).toMatchObject({ name: NAME, packages: { '': { name: NAME } } });
    const named = [...readWorkspace(copy.root)].filter(([path, text]) => new RegExp(before, 'i').test(path + text));
    expect(named.map(([path]) => path)).toEqual(['LICENSE']);
    const { said } = await copy.command('--help');
    expect(said).toMatch(new RegExp(`^Usage: ${NAME} `));
  });

  it.each([BUILD, TYPES, GENERATED, DOCUMENTS])(
    'passes: $what',
    async (one) => {
      await expect(check(copy, one)).resolves.toBeUndefined();
    },
    SLOW_MS,
  );
});
