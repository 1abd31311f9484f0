import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { APPS } from '@rookery/devkit/stack/app-process';
import { provideCertificates } from '@rookery/devkit/stack/certificates';
import { makeSecrets } from '@rookery/devkit/stack/secrets';
import { parseConfig } from '@rookery/platform';
import { appSettings } from './app-settings';
import {
  COMPOSE_CERTIFICATES,
  COMPOSE_ENV_FILE,
  K8S_SECRETS_FOLDER,
  kubernetesSecrets,
  renewComposeCertificates,
  writeComposeSecrets,
  writeKubernetesSecrets,
} from './deployment-secrets';

describe('npx rookery credentials new', () => {
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
    { target: 'k8s', path: K8S_SECRETS_FOLDER, write: writeKubernetesSecrets }, // part:kubernetes
  ];

  it.each(writers)('writes files for $target that only their owner can read', async ({ write, path }) => {
    await expect(write(await makeSecrets(), { root, force: false })).resolves.toBe(join(root, path));
    const files = filesIn(root);
    expect(files.length).toBeGreaterThan(0);
    expect(files.filter((file) => modeOf(file) !== 0o600)).toEqual([]);
  });

  it.each(writers)('refuses to replace those of $target, and does with --force', async ({ write }) => {
    await write(await makeSecrets(), { root, force: false });
    const contents = (): readonly string[] => filesIn(root).map((file) => readFileSync(file, 'utf8'));
    const before = contents();
    const again = await makeSecrets();
    await expect(write(again, { root, force: false })).rejects.toThrow(/is there already.*\n.*--force/);
    expect(contents()).toEqual(before);
    await write(again, { root, force: true });
    expect(contents()).not.toEqual(before);
  });

  it('adds to docker/.env of an earlier version what it lacks, and leaves the rest', async () => {
    const file = await writeComposeSecrets(await makeSecrets(), { root, force: false });
    const whole = readFileSync(file, 'utf8');
    const before = whole.replace(/^CURSOR_KEY=.*\n/m, '');
    expect(before).not.toBe(whole);
    writeFileSync(file, before);
    await writeComposeSecrets(await makeSecrets(), { root, force: false });
    const after = readFileSync(file, 'utf8');
    expect(after).toMatch(/^CURSOR_KEY='[A-Za-z0-9_-]{43}'$/m);
    expect(after.replace(/^CURSOR_KEY=.*\n/m, '')).toBe(before);
  });

  // #region part:kubernetes
  it('adds to the secrets of k8s of an earlier version what they lack, the same for all', async () => {
    const folder = await writeKubernetesSecrets(await makeSecrets(), { root, force: false });
    const keys = filesIn(folder).filter((path) => path.endsWith('/CURSOR_KEY'));
    const others = filesIn(folder).filter((path) => !keys.includes(path));
    const before = others.map((path) => readFileSync(path, 'utf8'));
    for (const path of keys) {
      rmSync(path);
    }
    await writeKubernetesSecrets(await makeSecrets(), { root, force: false });
    expect(keys).toHaveLength(3);
    expect(new Set(keys.map((path) => readFileSync(path, 'utf8'))).size).toBe(1);
    expect(others.map((path) => readFileSync(path, 'utf8'))).toEqual(before);
  });
  // #endregion part:kubernetes

  it('renews the certificates in docker/.env and leaves the rest of it', async () => {
    const file = await writeComposeSecrets(await makeSecrets(), { root, force: false });
    const valuesIn = (text: string) =>
      new Map([...text.matchAll(/^(\w+)='([^']*)'$/gm)].map(([, name, value]) => [name, value]));
    const before = valuesIn(readFileSync(file, 'utf8'));
    await provideCertificates(join(root, COMPOSE_CERTIFICATES), { force: true });
    renewComposeCertificates(root);
    const after = valuesIn(readFileSync(file, 'utf8'));
    expect([...after.keys()].toSorted()).toEqual([...before.keys()].toSorted());
    const changed = [...after].filter(([name, value]) => before.get(name) !== value).map(([name]) => name);
    expect(changed).toEqual([...after.keys()].filter((name) => name?.startsWith('NATS_TLS_')));
    expect(changed).toHaveLength(15);
    expect(modeOf(file)).toBe(0o600);
  });

  it.each(APPS)('gives %s each required setting but the broker’s address as a key of its Secret', async (app) => {
    const env = { NATS_URL: 'nats://nats:4222', ...kubernetesSecrets(await makeSecrets())[app] };
    expect(parseConfig(appSettings[app], env)).toMatchObject({ ok: true });
  });

  it('tells the broker public keys only: no seed, and none that nats-server could take for a number', async () => {
    const keys = Object.values(kubernetesSecrets(await makeSecrets())['nats'] ?? {});
    expect(keys).toHaveLength(11);
    expect(new Set(keys).size).toBe(11);
    for (const key of keys) {
      expect(key).toMatch(/^U[A-Z2-7]{55}$/);
    }
  });

  it('gives the admin’s key to the job that provisions the broker, and to nobody else', async () => {
    const secrets = await makeSecrets();
    const holders = Object.entries(kubernetesSecrets(secrets))
      .filter(([, values]) => Object.values(values).includes(secrets.broker.admin))
      .map(([name]) => name);
    expect(holders).toEqual(['broker-admin']);
  });
});
