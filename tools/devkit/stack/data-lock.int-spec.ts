import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockDataFolder, lockHolder } from './data-lock';

describe('the lock of the data folder', () => {
  let folder: string;
  const said: string[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rookery-spec-'));
    said.length = 0;
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const lock = (marker: string) => lockDataFolder(folder, (message) => said.push(message), marker);

  it('is taken over, with a message, from a process that is gone', async () => {
    const gone = spawn(process.execPath, ['-e', '']);
    await new Promise((resolve) => gone.once('exit', resolve));
    writeFileSync(join(folder, 'lock'), `${gone.pid}\n`);

    const unlock = lock('node');
    expect(said).toEqual([expect.stringContaining('killed')]);
    expect(Number(readFileSync(join(folder, 'lock'), 'utf8'))).toBe(process.pid);
    unlock();
  });

  it('is taken over when another program has the process number now', () => {
    writeFileSync(join(folder, 'lock'), `${process.pid}\n`);
    expect(lockHolder(folder, 'a program that does not run')).toBeUndefined();
    lock('a program that does not run')();
    expect(said).toHaveLength(1);
  });

  it('is refused, naming the process and how to stop it, while a stack runs', () => {
    const unlock = lock('node');
    expect(() => lock('node')).toThrow(new RegExp(`process ${process.pid}[\\s\\S]*kill ${process.pid}`));
    unlock();
    expect(lockHolder(folder, 'node')).toBeUndefined();
  });

  it('says what to mend when the folder cannot be made', () => {
    const file = join(folder, 'a file');
    writeFileSync(file, '');
    for (const unusable of [file, join(file, 'below')]) {
      expect(() => lockDataFolder(unusable, () => undefined)).toThrow(/cannot be written[\s\S]*ROOKERY_DATA_DIR/);
    }
  });
});
