import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { platform } from 'node:os';
import { join } from 'node:path';
import { outputOf, runProgram } from '../terminal/run-program';

/** A suite's index is some ten megabytes. */
const APT_TIMEOUT_MS = 120_000;
/** A mirror that does not answer is none: fall back soon. */
const MIRROR_TIMEOUT_SECONDS = 8;
/** What Debian signs its suites with; other distributions do not have it. */
const DEBIAN_KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** How Debian's package is had. */
export interface DebianOptions {
  readonly say?: ((message: string) => void) | undefined;
  /** Debian's package tool; specs name one that fails. */
  readonly aptGet?: string;
}

/**
 * Unpacks a package of Debian's unstable suite, from the mirror that apt is set up with, into `folder`; answers with the folder that has
 * its files. apt verifies the suite's signature. Nothing is installed, no root is needed, and the system's own package lists stay as they are.
 */
export async function unpackUnstable(name: string, folder: string, options: DebianOptions): Promise<string> {
  requireLinux();
  const { aptGet = 'apt-get', say } = options;
  const mirror = await mirrorOf(aptGet);
  if (!existsSync(DEBIAN_KEYS)) {
    throw new Error("there are no keys of Debian's archive here");
  }
  const apt = ownLists(folder);
  const sources = join(folder, 'apt/sources.list');
  writeFileSync(sources, `deb [signed-by=${DEBIAN_KEYS}] ${mirror} sid main\n`);
  // What is installed here does not matter for unpacking.
  const status = join(folder, 'apt/status');
  writeFileSync(status, '');
  apt.push(
    ...option('Dir::Etc::sourcelist', sources),
    ...option('Dir::Etc::sourceparts', '/dev/null'),
    ...option('Dir::State::status', status),
    ...option('Acquire::Languages', 'none'),
  );
  say?.(`reading the package list of Debian unstable (${mirror})`);
  await runApt(aptGet, [...apt, '-qq', 'update'], folder);
  await runApt(aptGet, [...apt, 'download', name], folder);
  return unpack(folder);
}

/** Unpacks the package of the distribution's own suite into `folder`, as `unpackUnstable` does. */
export async function unpackStable(name: string, folder: string, options: DebianOptions): Promise<string> {
  requireLinux();
  const { aptGet = 'apt-get', say } = options;
  try {
    await runApt(aptGet, ['download', name], folder);
  } catch {
    // Slim images have no package lists.
    say?.('reading the package lists');
    const apt = ownLists(folder);
    await runApt(aptGet, [...apt, '-qq', 'update'], folder);
    await runApt(aptGet, [...apt, 'download', name], folder);
  }
  return unpack(folder);
}

function requireLinux(): void {
  if (platform() !== 'linux') {
    throw new Error(`not on ${platform()}`);
  }
}

const option = (name: string, value: string): readonly string[] => ['-o', `${name}=${value}`];

/** Options that keep lists and packages in `folder`. */
function ownLists(folder: string): string[] {
  const state = join(folder, 'apt');
  mkdirSync(join(state, 'lists/partial'), { recursive: true });
  mkdirSync(join(state, 'cache/archives/partial'), { recursive: true });
  return [
    ...option('Dir::State::lists', join(state, 'lists')),
    ...option('Dir::Cache', join(state, 'cache')),
    // Root would give the download to a user who may not enter the folder.
    ...option('APT::Sandbox::User', 'root'),
    ...option('Acquire::Retries', '0'),
    ...option('Acquire::http::Timeout', String(MIRROR_TIMEOUT_SECONDS)),
    ...option('Acquire::https::Timeout', String(MIRROR_TIMEOUT_SECONDS)),
  ];
}

/** The first mirror that apt reads packages from; that of security updates has no unstable suite. */
async function mirrorOf(aptGet: string): Promise<string> {
  const listed = await runApt(aptGet, ['indextargets', '--format', '$(SITE)', 'Created-By: Packages'], '/');
  const mirror = listed.split('\n').find((site) => /^https?:/.test(site) && !site.includes('security'));
  if (mirror === undefined) {
    throw new Error('apt is set up with no mirror');
  }
  return mirror.replace(/\/$/, '');
}

/** @throws {Error} with the first line in which apt names an error: `Command failed` and its thirty options tell nobody anything */
async function runApt(aptGet: string, args: readonly string[], folder: string): Promise<string> {
  const { code, stdout, stderr } = await runProgram(aptGet, args, { cwd: folder, timeout: APT_TIMEOUT_MS });
  if (code === 0) {
    return stdout;
  }
  const lines = stderr.split('\n');
  throw new Error(
    stderr.includes('ENOENT') ? 'there is no apt-get here' : (lines.find((line) => /^(E|W):/.test(line)) ?? lines[0]),
  );
}

async function unpack(folder: string): Promise<string> {
  const deb = readdirSync(folder).find((file) => file.endsWith('.deb'));
  if (deb === undefined) {
    throw new Error('apt-get fetched no package');
  }
  const unpacked = join(folder, 'unpacked');
  await outputOf('dpkg', ['-x', deb, unpacked], { cwd: folder });
  return unpacked;
}
