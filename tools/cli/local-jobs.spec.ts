import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recoveryEnv } from './local-jobs';

describe('the recovery job', () => {
  let folder: string;
  const databases = { DATABASE_URL_ORDERS: 'postgres://restored/orders' };
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'rookery-jobs-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  const secretsFile = (): string => join(folder, 'secrets/secrets.json');
  const envOf = (env: NodeJS.ProcessEnv) =>
    recoveryEnv('orders', 600, { ROOKERY_DATA_DIR: folder, ...databases, ...env });

  it('logs in to a given broker with the seed of that broker’s admin, and makes no secrets', async () => {
    const broker = { NATS_URL: 'tls://broker:4222', NATS_TLS_CA: '/ca.pem', NATS_NKEY_SEED_ADMIN: 'SUADMIN' };
    await expect(envOf({ ...broker, NATS_NKEY_SEED_ORDERS: 'SUORDERS' })).resolves.toEqual({
      DATABASE_URL: 'postgres://restored/orders',
      NATS_URL: 'tls://broker:4222',
      NATS_TLS_CA: '/ca.pem',
      NATS_NKEY_SEED: 'SUADMIN',
      RECOVERY_GRACE_SECONDS: '600',
    });
    expect(existsSync(secretsFile())).toBe(false);
  });

  it.each([{}, { NATS_NKEY_SEED: 'SUORDERS' }, { NATS_NKEY_SEED_ADMIN: '' }])(
    'is refused for a given broker whose admin is not known: %j',
    async (seeds) => {
      const refused = envOf({ NATS_URL: 'nats://broker:4222', ...seeds });
      await expect(refused).rejects.toThrow(/NATS_NKEY_SEED_ADMIN is not set\.\n.*unset NATS_URL/);
      expect(existsSync(secretsFile())).toBe(false);
    },
  );

  it('logs in to the broker of the stack as its admin, where no other is named', async () => {
    mkdirSync(join(folder, 'env'));
    writeFileSync(join(folder, 'env/orders.env'), 'NATS_URL=nats://127.0.0.1:4223\nNATS_NKEY_SEED=SUORDERS\n');
    const env = await envOf({});
    const stored: unknown = JSON.parse(readFileSync(secretsFile(), 'utf8'));
    expect(stored).toMatchObject({ broker: { admin: env['NATS_NKEY_SEED'] } });
    expect(env).toMatchObject({ NATS_URL: 'nats://127.0.0.1:4223', DATABASE_URL: 'postgres://restored/orders' });
  });
});
