import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Callers, Requesters, Services } from '@rookery/contracts';
import { appEnvs } from './app-env';
import { makeSecrets, provideSecrets, type Secrets } from './secrets';

const folder = mkdtempSync(join(tmpdir(), 'rookery-secrets-'));
const file = join(folder, 'secrets', 'secrets.json');
afterAll(() => rmSync(folder, { recursive: true }));

const stored = (): unknown => JSON.parse(readFileSync(file, 'utf8'));
const store = (secrets: unknown): void => {
  mkdirSync(join(folder, 'secrets'), { recursive: true });
  writeFileSync(file, JSON.stringify(secrets));
};

/** As a version wrote them that knew neither payments nor the key of orders, nor Redis, nor signed cursors. */
const fromBefore = ({ databases, broker, internalKeys, internalJwks, ...others }: Secrets) => ({
  ...without(without(others, 'redis'), 'cursorKey'),
  databases: without(databases, 'payments'),
  broker: without(broker, 'payments'),
  internalKeys: without(internalKeys, 'orders'),
  internalJwks: { keys: internalJwks.keys.filter(({ kid }) => kid !== 'orders') },
});

const without = (record: object, name: string): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(record).filter(([key]) => key !== name));

describe('the secrets of a data folder', () => {
  it('are made for every service once, and stay', async () => {
    const secrets = await provideSecrets(folder);
    expect(Object.keys(secrets.databases)).toEqual([...Services]);
    expect(Object.keys(secrets.broker)).toEqual(['admin', ...Callers]);
    expect(Object.keys(secrets.internalKeys)).toEqual([...Requesters]);
    expect(statSync(file).mode & 0o077).toBe(0);
    expect(await provideSecrets(folder)).toEqual(secrets);
  });

  it('keep what is there when a service is added, and get what that one needs', async () => {
    const before = fromBefore(await makeSecrets());
    store(before);
    const secrets = await provideSecrets(folder);
    expect(secrets).toMatchObject(without(before, 'internalJwks'));
    for (const key of before.internalJwks.keys) {
      expect(secrets.internalJwks.keys).toContainEqual(key);
    }
    expect(secrets.databases.payments).toEqual(expect.any(String));
    expect(secrets.broker.payments).toMatch(/^SU/);
    expect(secrets.internalJwks.keys).toHaveLength(2);
    const published = secrets.internalJwks.keys.find(({ kid }) => kid === 'orders');
    expect(published).toMatchObject({ x: secrets.internalKeys.orders['x'] });
    expect(published).not.toHaveProperty('d');
    expect(stored()).toEqual(secrets);
  });

  it('keep the published keys of a rotation as they are', async () => {
    const made = await makeSecrets();
    const [gateway] = made.internalJwks.keys;
    const rotated = {
      ...made,
      internalKeys: { ...made.internalKeys, gateway: { ...made.internalKeys.gateway, kid: 'gateway.next' } },
      internalJwks: { keys: [{ ...gateway, kid: 'gateway.next' }, ...made.internalJwks.keys.slice(1)] },
    };
    store(rotated);
    expect((await provideSecrets(folder)).internalJwks).toEqual(rotated.internalJwks);
  });

  it.each(['{"postgres": 5}', '[]', 'no JSON'])('are not replaced when the file is damaged: %s', async (text) => {
    writeFileSync(file, text);
    await expect(provideSecrets(folder)).rejects.toThrow(/secrets\.json cannot be read/);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('give every app its environment', async () => {
    const secrets = await makeSecrets();
    const each = <T>(value: T) => ({ gateway: value, auth: value, products: value, orders: value, payments: value });
    const envs = appEnvs({
      ports: each(1),
      databases: each('postgres://db'),
      broker: { url: 'nats://broker', seeds: secrets.broker },
      secrets,
      orderDeadlineSeconds: 60,
      requestsPerMinute: 600,
    });
    for (const app of Callers) {
      expect(envs[app]['NATS_NKEY_SEED']).toBe(secrets.broker[app]);
      expect(envs[app]['INTERNAL_SIGNING_KEY'] !== undefined).toBe(Requesters.some((caller) => caller === app));
    }
    for (const service of Services) {
      expect(envs[service]['DATABASE_URL']).toBe('postgres://db');
    }
  });
});
