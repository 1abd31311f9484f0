import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { Client } from 'pg';
import { copyCluster, postgresBinaries } from '@rookery/devkit/stack/embedded-postgres';
import { unprivileged } from '@rookery/devkit/stack/unprivileged';

/** Contents of folders that a base backup leaves out (Postgres's manual, "Backing Up the Data Directory"). */
const EMPTY = new Set([
  'pg_wal',
  'pg_replslot',
  'pg_dynshmem',
  'pg_notify',
  'pg_serial',
  'pg_snapshots',
  'pg_stat_tmp',
  'pg_subtrans',
]);
const LEFT_OUT = /^(postmaster\.(pid|opts)|pgsql_tmp.*|pg_internal\.init.*|recovery\.signal|backup_label.*)$/;

/** A physical backup of a Postgres server, with the WAL that it needs. */
export interface Backup {
  readonly dataFolder: string;
  readonly walFolder: string;
}

/** Makes the folder that a server archives its WAL in; returns the server's settings. */
export function archivingTo(folder: string, timeoutSeconds: number): Readonly<Record<string, string>> {
  const { uid, gid } = unprivileged(folder, dirname(postgresBinaries().postgres));
  mkdirSync(folder, { recursive: true });
  if (uid !== undefined && gid !== undefined) {
    chownSync(folder, uid, gid);
  }
  const file = `"${folder}/%f"`;
  return {
    archive_mode: 'on',
    // Never over an existing file: two servers that archive into one folder must be noticed.
    archive_command: `test ! -f ${file} && cp "%p" "${folder}/.%f" && mv "${folder}/.%f" ${file}`,
    archive_timeout: String(timeoutSeconds),
    // So that what was lost can be measured.
    track_commit_timestamp: 'on',
  };
}

/** Copies the data folder of a server that goes on working, between `pg_backup_start` and `pg_backup_stop`. */
export async function takeBackup(url: string, dataFolder: string, archive: string, to: string): Promise<Backup> {
  const backup = { dataFolder: join(to, 'data'), walFolder: join(to, 'wal') };
  // Start and stop must be in one session, or the backup is not valid.
  const client = new Client({ connectionString: url, statement_timeout: 60_000 });
  await client.connect();
  try {
    await client.query(`SELECT pg_backup_start('restore test', fast => true)`);
    copyLiveFolder(dataFolder, backup.dataFolder);
    const { rows } = await client.query<{ label: string }>(
      'SELECT labelfile AS label FROM pg_backup_stop(wait_for_archive => true)',
    );
    const label = rows[0]?.label ?? '';
    writeFileSync(join(backup.dataFolder, 'backup_label'), label);
    copyWal(archive, backup.walFolder, /\(file ([0-9A-F]{24})\)/.exec(label)?.[1] ?? '');
  } finally {
    await client.end();
  }
  return backup;
}

/** Puts the data folder back; returns the settings with which the server then recovers to the end of that WAL. */
export function putBack(backup: Backup, dataFolder: string, wal: string): Readonly<Record<string, string>> {
  writeFileSync(join(backup.dataFolder, 'recovery.signal'), '');
  copyCluster(backup.dataFolder, dataFolder);
  // No client reads before the end of the WAL.
  return { restore_command: `cp "${wal}/%f" "%p"`, hot_standby: 'off' };
}

/** When the last transaction was committed that a recovery has brought back, as the server's log says. */
export function lastRecovered(log: string): Date | undefined {
  const [, day, time, zone = ''] =
    /.*last completed transaction was at log time (\S+) (\S+?)([+-]\d\d(?::?\d\d)?)?(?:\s|$)/s.exec(
      readFileSync(log, 'utf8'),
    ) ?? [];
  if (day === undefined || time === undefined) {
    return undefined;
  }
  const offset = zone === '' ? 'Z' : zone.length === 3 ? `${zone}:00` : zone;
  return new Date(`${day}T${time}${offset}`);
}

/** Files may appear, grow and disappear meanwhile: the WAL repairs what was copied half changed. */
function copyLiveFolder(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  chmodSync(to, 0o700);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (LEFT_OUT.test(entry.name)) {
      continue;
    }
    if (entry.isDirectory() && EMPTY.has(entry.name)) {
      mkdirSync(target, { recursive: true });
    } else if (entry.isDirectory()) {
      copyLiveFolder(source, target);
    } else if (entry.isFile()) {
      copyUnlessGone(source, target);
    }
  }
}

function copyUnlessGone(from: string, to: string): void {
  try {
    copyFileSync(from, to);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) {
      throw error;
    }
  }
}

/** The segments from the backup's first one on. */
function copyWal(archive: string, to: string, first: string): void {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(archive)) {
    if (name >= first) {
      cpSync(join(archive, name), join(to, name));
    }
  }
}
