import { Client, escapeIdentifier, escapeLiteral } from 'pg';
import { recordOf, type Service, Services } from '@rookery/contracts';

/** Address of each service's database, with its own login role. */
export type DatabaseUrls = Readonly<Record<Service, string>>;

export interface CreateDatabasesOptions {
  /** Superuser's address. */
  readonly url: string;
  readonly passwords: Readonly<Record<Service, string>>;
  /** Services that log in by their second role, see `loginRoleOf`. */
  readonly second?: readonly Service[];
  /** Put before database and role names: several stacks can share a server. */
  readonly prefix?: string;
}

/** A database for each service with a login role of its own; nobody may connect to another's. Running it again changes nothing. */
export async function createDatabases({
  url,
  passwords,
  second = [],
  prefix = '',
}: CreateDatabasesOptions): Promise<DatabaseUrls> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const create = async (service: Service): Promise<string> => {
    const name = `${prefix}${service}`;
    const quoted = escapeIdentifier(name);
    const roles = await client.query('select 1 from pg_roles where rolname = $1', [name]);
    if (roles.rowCount === 0) {
      await client.query(`create role ${quoted}`);
    }
    const role = await allowLogin(client, name, second.includes(service), passwords[service]);
    const databases = await client.query('select 1 from pg_database where datname = $1', [name]);
    if (databases.rowCount === 0) {
      await client.query(`create database ${quoted} owner ${quoted}`);
    }
    await client.query(`revoke all on database ${quoted} from public`);
    return addressOf(url, { role, password: passwords[service], database: name });
  };
  try {
    // By default every role may connect to these two.
    await client.query('revoke connect on database postgres from public');
    await client.query('revoke connect on database template1 from public');
    const addresses = new Map<Service, string>();
    for (const service of Services) {
      addresses.set(service, await create(service));
    }
    return recordOf(Services, (service) => addresses.get(service) ?? '');
  } finally {
    await client.end();
  }
}

/**
 * Every service may have two roles to log in by: the owner of its database, and a second one that becomes the owner as it connects. One of them
 * is in use; a new password is given to the other one, so that both open the door until the service has changed over.
 */
export const loginRoleOf = (owner: string, second: boolean): string => (second ? `${owner}_second` : owner);

/** Lets one of the owner's two roles in with this password, and makes it when it is missing; answers its name. */
export async function allowLogin(superuser: Client, owner: string, second: boolean, password: string): Promise<string> {
  const role = loginRoleOf(owner, second);
  const [quoted, ownerQuoted] = [escapeIdentifier(role), escapeIdentifier(owner)];
  if (second) {
    const found = await superuser.query('select 1 from pg_roles where rolname = $1', [role]);
    if (found.rowCount === 0) {
      await superuser.query(`create role ${quoted} in role ${ownerQuoted}`);
    }
    // What it makes belongs to the owner, as if he had made it.
    await superuser.query(`alter role ${quoted} set role = ${escapeLiteral(owner)}`);
  }
  await superuser.query(`alter role ${quoted} login password ${escapeLiteral(password)}`);
  return role;
}

/** Shuts one of the owner's two roles out, and ends its sessions. */
export async function refuseLogin(superuser: Client, owner: string, second: boolean): Promise<void> {
  const role = loginRoleOf(owner, second);
  await superuser.query(`alter role ${escapeIdentifier(role)} nologin password null`);
  await superuser.query('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [role]);
}

/** The same server for another role. */
export function addressOf(
  url: string,
  { role, password, database }: { readonly role: string; readonly password: string; readonly database: string },
): string {
  const address = new URL(url);
  address.username = role;
  address.password = password;
  address.pathname = `/${database}`;
  return address.href;
}
