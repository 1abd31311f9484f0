import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { createDatabases } from './databases';
import { type EmbeddedPostgres, type EmbeddedPostgresOptions, startPostgres } from './embedded-postgres';
import { freePorts } from './ports';

describe('the embedded Postgres', () => {
  let folder: string;
  let options: EmbeddedPostgresOptions;
  let running: EmbeddedPostgres | undefined;
  const said: string[] = [];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rookery-spec-'));
    chmodSync(folder, 0o711);
    said.length = 0;
    running = undefined;
    const [port = 0] = await freePorts(1);
    options = {
      dataFolder: join(folder, 'postgres'),
      port,
      password: 'secret-of-a-spec',
      logFile: join(folder, 'postgres.log'),
      ephemeral: true,
      say: (message) => said.push(message),
    };
  });
  afterEach(async () => {
    await running?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const start = async (): Promise<string> => {
    running = await startPostgres(options);
    return running.url;
  };

  async function query(url: string, sql: string): Promise<unknown[]> {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  it('keeps its data from run to run, also after its lock file was left behind', async () => {
    await query(await start(), 'create table kept (id int)');
    await running?.stop();
    writeFileSync(join(options.dataFolder, 'postmaster.pid'), '999999\n');
    expect(await query(await start(), 'select id from kept')).toEqual([]);
  }, 60_000);

  it('gives each service its own database, into which no other can log in', async () => {
    const passwords = { auth: 'a', products: 'p', orders: 'o', payments: 'y' };
    const databases = await createDatabases({ url: await start(), passwords });
    expect(await query(databases.orders, 'select current_user as role')).toEqual([{ role: 'orders' }]);
    const foreign = new URL(databases.payments);
    foreign.pathname = '/orders';
    await expect(query(foreign.href, 'select 1')).rejects.toThrow('permission denied for database "orders"');
  }, 60_000);

  it('moves a half-made data folder aside, says so and makes a new one', async () => {
    mkdirSync(options.dataFolder);
    writeFileSync(join(options.dataFolder, 'PG_VERSION'), '18\n');
    expect(await query(await start(), 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(said).toEqual([expect.stringContaining('not a complete Postgres data folder')]);
    expect(readdirSync(folder).filter((name) => name.startsWith('postgres.broken-'))).toHaveLength(1);
  }, 60_000);

  it('removes what a killed initialisation left', async () => {
    const left = `${options.dataFolder}.init-999999`;
    mkdirSync(join(left, 'data'), { recursive: true });
    await start();
    expect(existsSync(left)).toBe(false);
  }, 60_000);

  it('refuses data of another major version, and leaves them alone', async () => {
    mkdirSync(join(options.dataFolder, 'global'), { recursive: true });
    writeFileSync(join(options.dataFolder, 'PG_VERSION'), '17\n');
    writeFileSync(join(options.dataFolder, 'global/pg_control'), '');
    await expect(start()).rejects.toThrow(/made by Postgres 17[\s\S]*npm run reset/);
    expect(existsSync(join(options.dataFolder, 'global/pg_control'))).toBe(true);
  });

  it('names the port and its variable when the port is taken', async () => {
    const holder = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => holder.listen(options.port, '127.0.0.1', resolve));
    try {
      await expect(start()).rejects.toThrow(new RegExp(`Port ${options.port} [\\s\\S]*EMBEDDED_POSTGRES_PORT`));
    } finally {
      await new Promise((resolve) => holder.close(resolve));
    }
  }, 60_000);
});
