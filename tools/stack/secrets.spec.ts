import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeSecrets, provideSecrets } from './secrets';

let folder: string;
const file = (): string => join(folder, 'secrets', 'secrets.json');

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rookery-secrets-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('are made once for a data folder, for its owner only', async () => {
  const made = await provideSecrets(folder);
  expect(statSync(file()).mode & 0o077).toBe(0);
  expect(await provideSecrets(folder)).toEqual(made);
});

it('are completed for a data folder from before, and stay what they are then', async () => {
  const added = new Set(['cursorKey', 'redis']);
  const before = Object.fromEntries(Object.entries(await makeSecrets()).filter(([name]) => !added.has(name)));
  mkdirSync(join(folder, 'secrets'));
  writeFileSync(file(), JSON.stringify(before));
  const completed = await provideSecrets(folder);
  expect(completed).toMatchObject(before);
  expect(completed.cursorKey).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(await provideSecrets(folder)).toEqual(completed);
  expect(JSON.parse(readFileSync(file(), 'utf8'))).toEqual(completed);
});
