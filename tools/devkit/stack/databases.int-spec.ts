import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { createDatabases, loginRoleOf, refuseLogin } from './databases';

describe('the two roles of a service', () => {
  const server = process.env['TEST_POSTGRES_URL'] ?? '';
  const prefix = `roles_${randomBytes(4).toString('hex')}_`;
  const owner = `${prefix}orders`;
  const passwords = { auth: 'a1', products: 'p1', orders: 'o1', payments: 'y1' };
  let superuser: Client;

  beforeAll(async () => {
    superuser = new Client({ connectionString: server });
    await superuser.connect();
  });
  afterAll(async () => {
    for (const service of ['auth', 'products', 'orders', 'payments']) {
      await superuser.query(`drop database if exists ${prefix}${service} with (force)`);
      await superuser.query(`drop role if exists ${loginRoleOf(`${prefix}${service}`, true)}`);
      await superuser.query(`drop role if exists ${prefix}${service}`);
    }
    await superuser.end();
  });

  const as = async (url: string, sql: string): Promise<unknown> => {
    const client = new Client({ connectionString: url });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows[0];
    } finally {
      await client.end();
    }
  };

  it('are let in side by side, what either makes is the owner’s, and one that is refused is out', async () => {
    const first = await createDatabases({ url: server, passwords, prefix });
    const second = await createDatabases({
      url: server,
      passwords: { ...passwords, orders: 'o2' },
      second: ['orders'],
      prefix,
    });
    expect(new URL(second.orders)).toMatchObject({ username: `${owner}_second`, password: 'o2' });
    await as(first.orders, 'create table old (id int)');
    await as(second.orders, 'create table new as select id from old');
    await expect(as(first.orders, "select tableowner from pg_tables where tablename = 'new'")).resolves.toEqual({
      tableowner: owner,
    });

    const inside = new Client({ connectionString: first.orders });
    const ended = new Promise((resolve) => inside.once('end', resolve));
    inside.on('error', () => undefined);
    await inside.connect();
    await refuseLogin(superuser, owner, false);
    await ended;
    await expect(as(first.orders, 'select 1')).rejects.toThrow(/authentication failed/);
    // A start with the second role in use does not let the owner in again.
    await createDatabases({ url: server, passwords: { ...passwords, orders: 'o2' }, second: ['orders'], prefix });
    await expect(as(first.orders, 'select 1')).rejects.toThrow(/authentication failed/);
    await expect(as(second.orders, 'select current_user::text as name')).resolves.toEqual({ name: owner });
  });
});
