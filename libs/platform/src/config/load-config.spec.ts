import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { z } from 'zod';
import { listSettings, loadConfig, parseConfig } from './load-config';
import { commonConfig, databaseConfig } from './settings';

const schema = z.object({ ...commonConfig, ...databaseConfig });
const good = {
  NATS_URL: 'nats://127.0.0.1:4223',
  NATS_NKEY_SEED: `SU${'A'.repeat(56)}`,
  DATABASE_URL: 'postgres://orders:secret-of-pg@127.0.0.1:5433/orders',
};

describe('settings of a process', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'rookery-config-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const file = (content: string): string => {
    const path = join(folder, String(Math.random()));
    writeFileSync(path, content);
    return path;
  };

  const failure = (env: Readonly<Record<string, string | undefined>>): string => {
    const written: string[] = [];
    const write = jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
      written.push(String(text));
      return true;
    });
    const exit = jest.spyOn(process, 'exit').mockImplementation((code) => {
      throw new Error(`exit ${String(code)}`);
    });
    try {
      expect(() => loadConfig(schema, { name: 'orders', env })).toThrow('exit 1');
    } finally {
      write.mockRestore();
      exit.mockRestore();
    }
    return written.join('');
  };

  it('fills in defaults and ignores variables it does not know', () => {
    expect(loadConfig(schema, { name: 'orders', env: { ...good, PORT: '3003', HOME: '/root' } })).toMatchObject({
      LOG_LEVEL: 'info',
      HOST: '127.0.0.1',
      PORT: 3003,
      DATABASE_POOL_SIZE: 10,
      SHUTDOWN_GRACE_SECONDS: 10,
    });
  });

  it('lists every bad setting with its reason and description, and never a value', () => {
    const text = failure({
      ...good,
      NATS_NKEY_SEED: undefined,
      DATABASE_URL: 'mysql://root:hunter2@db',
      PORT: '99999',
    });
    expect(text).toMatch(/^orders cannot start: 3 settings are wrong$/m);
    expect(text).toMatch(
      /^ {2}NATS_NKEY_SEED +is missing {2}\(Seed of this process’s nkey; the broker knows the public key\)$/m,
    );
    expect(text).toMatch(/^ {2}DATABASE_URL +is wrong: must be postgres:\/\/role:password@host:port\/database/m);
    expect(text).toMatch(/^ {2}PORT +is wrong: /m);
    expect(text).not.toContain('hunter2');
    expect(text).not.toContain('99999');
    expect(text).not.toContain('secret-of-pg');
  });

  it('names the closed list of an enumeration', () => {
    expect(failure({ ...good, LOG_LEVEL: 'loud' })).toMatch(
      /1 setting is wrong\n {2}LOG_LEVEL {2}must be one of fatal,/,
    );
  });

  it('reads a secret from the file that X_FILE names, without the white space around it', () => {
    const env = { ...good, NATS_NKEY_SEED: undefined, NATS_NKEY_SEED_FILE: file(`  ${good.NATS_NKEY_SEED}\n`) };
    expect(loadConfig(schema, { name: 'orders', env }).NATS_NKEY_SEED).toBe(good.NATS_NKEY_SEED);
  });

  it('refuses a setting that is given directly and by file', () => {
    expect(failure({ ...good, NATS_NKEY_SEED_FILE: file('other') })).toContain(
      'is given twice: by NATS_NKEY_SEED and by NATS_NKEY_SEED_FILE',
    );
  });

  it('says that a file cannot be read', () => {
    const text = failure({ ...good, NATS_NKEY_SEED: undefined, NATS_NKEY_SEED_FILE: join(folder, 'absent') });
    expect(text).toContain('NATS_NKEY_SEED  cannot be read: NATS_NKEY_SEED_FILE names no readable file');
    expect(text).not.toContain('is missing');
  });

  it('treats an empty variable as not given', () => {
    const result = parseConfig(schema, { ...good, HOST: '', NATS_NKEY_SEED: '' });
    expect(result.ok).toBe(false);
    expect(!result.ok && result.bad.map((setting) => setting.name)).toEqual(['NATS_NKEY_SEED']);
  });

  it('lists settings with description, default and whether they are required', () => {
    const settings = listSettings(schema);
    expect(settings.map((setting) => setting.name)).toEqual(Object.keys(schema.shape));
    expect(settings.every((setting) => setting.description !== '')).toBe(true);
    expect(settings.find((setting) => setting.name === 'PORT')).toMatchObject({
      defaultValue: '3000',
      required: false,
    });
    expect(settings.find((setting) => setting.name === 'DATABASE_URL')).toMatchObject({
      defaultValue: undefined,
      required: true,
    });
  });
});
