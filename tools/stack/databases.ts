import type { Service } from '@rookery/contracts';
import { Client, escapeIdentifier, escapeLiteral } from 'pg';

/** Address of each service's database, with its own login role. */
export type DatabaseUrls = Readonly<Record<Service, string>>;

export interface CreateDatabasesOptions {
  /** Superuser's address. */
  readonly url: string;
  readonly passwords: Readonly<Record<Service, string>>;
  /** Put before database and role names: several stacks can share a server. */
  readonly prefix?: string;
}

/** Four databases with a login role each; nobody may connect to another's. Running it again changes nothing. */
export async function createDatabases({ url, passwords, prefix = '' }: CreateDatabasesOptions): Promise<DatabaseUrls> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const create = async (service: Service): Promise<string> => {
    const name = `${prefix}${service}`;
    const quoted = escapeIdentifier(name);
    const password = escapeLiteral(passwords[service]);
    const roles = await client.query('select 1 from pg_roles where rolname = $1', [name]);
    await client.query(`${roles.rowCount === 0 ? 'create' : 'alter'} role ${quoted} login password ${password}`);
    const databases = await client.query('select 1 from pg_database where datname = $1', [name]);
    if (databases.rowCount === 0) await client.query(`create database ${quoted} owner ${quoted}`);
    await client.query(`revoke all on database ${quoted} from public`);
    const address = new URL(url);
    address.username = name;
    address.password = passwords[service];
    address.pathname = `/${name}`;
    return address.href;
  };
  try {
    // By default everybody may connect to these two.
    await client.query('revoke connect on database postgres from public');
    await client.query('revoke connect on database template1 from public');
    return {
      auth: await create('auth'),
      products: await create('products'),
      orders: await create('orders'),
      payments: await create('payments'),
    };
  } finally {
    await client.end();
  }
}
