import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { type EmbeddedPostgres, startPostgres } from '@rookery/devkit/stack/embedded-postgres';
import { freePorts } from '@rookery/devkit/stack/ports';
import { repository } from '@rookery/devkit/stack/repository';
import { makeSecrets } from '@rookery/devkit/stack/secrets';
import { kubernetesSecrets } from '@rookery/release/deployment-secrets';

const script = join(repository, 'k8s/platform/postgres/create-databases.sh');

const hasPsql = (): boolean => {
  try {
    execFileSync('psql', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

/** The script is made of psql, which comes with the postgres image and not with the embedded server. */
const withPsql = hasPsql() ? describe : describe.skip;

withPsql('create-databases.sh on a fresh server', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-create-databases-'));
  const password = 'superuser';
  let postgres: EmbeddedPostgres;
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    const [port = 0] = await freePorts(1);
    postgres = await startPostgres({
      dataFolder: join(folder, 'data'),
      port,
      password,
      logFile: join(folder, 'postgres.log'),
      ephemeral: true,
    });
    const { username } = new URL(postgres.url);
    const values = kubernetesSecrets(await makeSecrets())['postgres'];
    env = {
      PATH: process.env['PATH'],
      PGHOST: '127.0.0.1',
      PGPORT: `${port}`,
      PGPASSWORD: password,
      POSTGRES_USER: username,
      ...values,
    };
    await run();
  });
  afterAll(async () => {
    await postgres.stop();
    rmSync(folder, { recursive: true });
  });

  const run = (changed: NodeJS.ProcessEnv = {}) => promisify(execFile)('sh', [script], { env: { ...env, ...changed } });

  const login = async (role: string, database: string, pass = env[`POSTGRES_PASSWORD_${role.toUpperCase()}`]) => {
    const client = new Client({ host: '127.0.0.1', port: Number(env['PGPORT']), user: role, password: pass, database });
    try {
      await client.connect();
      const { rows } = await client.query<{ may: boolean }>(
        `SELECT has_database_privilege(current_database(), 'CREATE') AS may`,
      );
      return rows;
    } finally {
      await client.end();
    }
  };

  const services = ['auth', 'products', 'orders', 'payments'];

  it.each(services)('gives %s a database that it owns', async (service) => {
    await expect(login(service, service)).resolves.toEqual([{ may: true }]);
  });

  it.each(services)('lets the role of %s into no other database', async (service) => {
    for (const database of [...services.filter((other) => other !== service), 'postgres', 'template1']) {
      await expect(login(service, database)).rejects.toThrow(/permission denied for database/);
    }
  });

  it('changes only the password when it runs again, also one with quotes and one from a file', async () => {
    const file = join(folder, 'password');
    writeFileSync(file, 'from-a-file\n');
    await run({
      POSTGRES_PASSWORD_ORDERS: `it's "quoted" \\ $HOME`,
      POSTGRES_PASSWORD_AUTH: '',
      POSTGRES_PASSWORD_AUTH_FILE: file,
    });
    await expect(login('orders', 'orders', `it's "quoted" \\ $HOME`)).resolves.toEqual([{ may: true }]);
    await expect(login('auth', 'auth', 'from-a-file')).resolves.toEqual([{ may: true }]);
    await expect(login('payments', 'payments')).resolves.toEqual([{ may: true }]);
  });

  it('names the variable that is missing and fails', async () => {
    await expect(run({ POSTGRES_PASSWORD_PAYMENTS: '' })).rejects.toThrow(
      /POSTGRES_PASSWORD_PAYMENTS is not set, and neither is POSTGRES_PASSWORD_PAYMENTS_FILE/,
    );
  });
});
