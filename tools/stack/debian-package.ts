import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { platform } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { errorCode } from './error-facts';

const run = promisify(execFile);
const DOWNLOAD_TIMEOUT_MS = 120_000;

export interface DebianPackageOptions {
  /** An empty folder: the package and what it holds are left there. */
  readonly folder: string;
  /** Debian's package tool; specs name one that fails. */
  readonly aptGet?: string | undefined;
  readonly say?: ((message: string) => void) | undefined;
}

/**
 * Unpacks a program out of a package of the Debian that runs here, without installing anything and without root. apt checks the package's
 * signature chain itself. Throws an Error that says what is missing.
 */
export async function fromDebianPackage(
  name: string,
  path: string,
  { folder, aptGet = 'apt-get', say }: DebianPackageOptions,
): Promise<string> {
  if (platform() !== 'linux') throw new Error(`not on ${platform()}`);
  const fetchPackage = (options: readonly string[]) =>
    run(aptGet, [...options, 'download', name], { cwd: folder, timeout: DOWNLOAD_TIMEOUT_MS });
  try {
    await fetchPackage([]);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') throw new Error('there is no apt-get here');
    // Slim images have no package lists. Lists of our own need no root and leave the system's alone.
    say?.('reading the package lists');
    const options = ownLists(folder);
    await run(aptGet, [...options, '-qq', 'update'], { cwd: folder, timeout: DOWNLOAD_TIMEOUT_MS });
    await fetchPackage(options);
  }
  const deb = readdirSync(folder).find((file) => file.endsWith('.deb'));
  if (deb === undefined) throw new Error('apt-get fetched no package');
  await run('dpkg', ['-x', deb, 'unpacked'], { cwd: folder });
  const file = join(folder, 'unpacked', path);
  if (!existsSync(file)) throw new Error(`the package holds no ${path.split('/').at(-1) ?? path}`);
  return file;
}

function ownLists(folder: string): readonly string[] {
  const state = join(folder, 'apt');
  mkdirSync(join(state, 'lists/partial'), { recursive: true });
  mkdirSync(join(state, 'cache/archives/partial'), { recursive: true });
  const settings = [
    `Dir::State::Lists=${join(state, 'lists')}`,
    `Dir::Cache=${join(state, 'cache')}`,
    'APT::Sandbox::User=root',
    'Acquire::http::Timeout=10',
    'Acquire::https::Timeout=10',
  ];
  return settings.flatMap((setting) => ['-o', setting]);
}
