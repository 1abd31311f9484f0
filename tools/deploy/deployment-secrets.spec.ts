import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig } from '@rookery/platform';
import { APPS } from '../stack/app-process';
import { makeSecrets } from '../stack/secrets';
import { appSettings } from './app-settings';
import {
  COMPOSE_ENV_FILE,
  K8S_SECRETS_FOLDER,
  kubernetesSecrets,
  writeComposeSecrets,
  writeKubernetesSecrets,
} from './deployment-secrets';

describe('npm run secrets', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'rookery-secrets-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const modeOf = (path: string): number => statSync(path).mode & 0o777;
  const filesIn = (folder: string): readonly string[] =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));

  const writers = [
    { target: 'compose', path: COMPOSE_ENV_FILE, write: writeComposeSecrets },
    { target: 'k8s', path: K8S_SECRETS_FOLDER, write: writeKubernetesSecrets },
  ];

  it.each(writers)('writes files for $target that only their owner can read', async ({ write, path }) => {
    expect(write(await makeSecrets(), { root, force: false })).toBe(join(root, path));
    const files = filesIn(root);
    expect(files.length).toBeGreaterThan(0);
    expect(files.filter((file) => modeOf(file) !== 0o600)).toEqual([]);
  });

  it.each(writers)('refuses to replace those of $target, and does with --force', async ({ write }) => {
    write(await makeSecrets(), { root, force: false });
    const contents = (): readonly string[] => filesIn(root).map((file) => readFileSync(file, 'utf8'));
    const before = contents();
    const again = await makeSecrets();
    expect(() => write(again, { root, force: false })).toThrow(/is there already.*\n.*--force/);
    expect(contents()).toEqual(before);
    write(again, { root, force: true });
    expect(contents()).not.toEqual(before);
  });

  it.each(APPS)('gives %s each required setting but the broker’s address as a key of its Secret', async (app) => {
    const env = { NATS_URL: 'nats://nats:4222', ...kubernetesSecrets(await makeSecrets())[app] };
    expect(parseConfig(appSettings[app], env)).toMatchObject({ ok: true });
  });

  it('tells the broker public keys only: no seed, and none that nats-server could take for a number', async () => {
    const keys = Object.values(kubernetesSecrets(await makeSecrets())['nats'] ?? {});
    expect(keys).toHaveLength(11);
    expect(new Set(keys).size).toBe(11);
    for (const key of keys) expect(key).toMatch(/^U[A-Z2-7]{55}$/);
  });

  it('gives the admin’s key to the job that provisions the broker, and to nobody else', async () => {
    const secrets = await makeSecrets();
    const holders = Object.entries(kubernetesSecrets(secrets))
      .filter(([, values]) => Object.values(values).includes(secrets.broker.admin))
      .map(([name]) => name);
    expect(holders).toEqual(['broker-admin']);
  });
});
