import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { requireSupportedNatsServer } from '@rookery/messaging';
import { errorReason } from '../terminal/error-facts';
import { UserError } from '../terminal/user-error';
import { type DebianOptions, unpackStable, unpackUnstable } from './debian-package';
import { type Environment, isExecutable, programInPath, programNamedBy } from './program-path';

const run = promisify(execFile);

/** The release that is fetched; the images of Compose and Kubernetes are of the same one. */
export const NATS_VERSION = '2.14.7';
const RELEASES = 'https://github.com/nats-io/nats-server/releases/download';
/**
 * SHA-256 of the release's archives, as the official Docker image checks them (docker-library, image nats:2.14.7, 2026-09-15).
 * For other platforms the sum comes from the release's own SHA256SUMS over TLS: that catches a broken download, not a replaced release.
 */
const CHECKSUMS: Readonly<Record<string, string>> = {
  'linux-amd64': 'e5c20b1cb2c0566b54c544312e91e011f9e130c5c80f16a14f4cf28ef30b8be2',
  'linux-arm64': '50e0258a1b7290f3fe2e4f17506b74a90ffb1dd77867ae3a402eb0c9e2b0d40f',
  'linux-arm7': '820339a81ac3321a47ed1ebd2aabeebfb23544da13d6ec2c5fda115b5af8948d',
};
/** No answer at all within this: offline, go on to the next source. */
const CONNECT_TIMEOUT_MS = 4_000;
const DOWNLOAD_TIMEOUT_MS = 120_000;
/** How long what a second choice gave is used before the better sources are asked again. */
const FETCHED_IS_FRESH_MS = 24 * 3_600_000;

export interface FindNatsOptions extends DebianOptions {
  /** Where a fetched binary is kept. */
  readonly binFolder: string;
  readonly env?: Environment;
  /** Base address of the releases. */
  readonly releases?: string;
  /** Where to fetch one from, best first; specs name their own. */
  readonly sources?: readonly NatsSource[];
}

/** A nats-server that runs here. */
export interface NatsServerBinary {
  readonly path: string;
  /** As it prints it: `2.15.1`. */
  readonly version: string;
  /** In words: a variable, the PATH, a source. */
  readonly from: string;
}

/** Where a nats-server can be fetched. */
export interface NatsSource {
  readonly from: string;
  readonly file: string;
  /** A pinned version does not change: it need not be fetched again. */
  readonly pinned: boolean;
  /** Leaves the binary somewhere below the folder and answers where. */
  readonly fetch: (folder: string, options: FindNatsOptions) => Promise<string>;
}

/** Best first. */
const sourcesIn = (binFolder: string): readonly NatsSource[] => [
  {
    from: `the official release ${NATS_VERSION}`,
    file: join(binFolder, `nats-server-${NATS_VERSION}`),
    pinned: true,
    fetch: downloadRelease,
  },
  {
    from: "Debian unstable's package",
    file: join(binFolder, 'nats-server-debian-unstable'),
    pinned: false,
    fetch: (folder, options) => natsServerOf(unpackUnstable('nats-server', folder, options)),
  },
  {
    from: "the distribution's package",
    file: join(binFolder, 'nats-server-debian'),
    pinned: false,
    fetch: (folder, options) => natsServerOf(unpackStable('nats-server', folder, options)),
  },
];

/** Path of the nats-server that `locateNatsServer` finds. */
export const findNatsServer = async (options: FindNatsOptions): Promise<string> =>
  (await locateNatsServer(options)).path;

/**
 * A nats-server that runs here: NATS_SERVER_BIN, else one in the PATH, else the best that can be had of the pinned official release,
 * Debian unstable's package and the distribution's own, unpacked into `binFolder`. What is older than the oldest supported version is not
 * used, and an error where NATS_SERVER_BIN names it. A fetched one that is not the first choice is used for a day, then the better sources
 * are asked again. Throws a UserError that lists what was tried when there is none.
 */
export async function locateNatsServer(options: FindNatsOptions): Promise<NatsServerBinary> {
  const { env = process.env, say } = options;
  const given = programNamedBy('NATS_SERVER_BIN', env);
  if (given !== undefined) {
    return inspectGiven(given);
  }
  const inPath = programInPath('nats-server', env);
  if (inPath === undefined) {
    return fetched(options, 'not there');
  }
  try {
    return await inspect(inPath, 'the PATH');
  } catch (error) {
    say?.(`${inPath} is not used: ${errorReason(error)}`);
    return fetched(options, errorReason(error));
  }
}

async function inspectGiven(path: string): Promise<NatsServerBinary> {
  try {
    return await inspect(path, 'NATS_SERVER_BIN');
  } catch (error) {
    throw new UserError(
      `NATS_SERVER_BIN=${path}: ${errorReason(error)}`,
      'Name another one, or unset it to have one fetched.',
    );
  }
}

/** @throws {UserError} when it is not a nats-server, or not a supported one */
async function inspect(path: string, from: string): Promise<NatsServerBinary> {
  const { stdout } = await run(path, ['--version'], { timeout: 10_000 });
  const [, version] = /^nats-server: v(\d+\.\d+\.\d+\S*)/.exec(stdout) ?? [];
  if (version === undefined) {
    throw new Error('it does not say that it is a nats-server');
  }
  requireSupportedNatsServer(version, from);
  return { path, version, from };
}

/** What is in `binFolder` already or is fetched into it; `inPath` is what was wrong with the PATH's. */
async function fetched(options: FindNatsOptions, inPath: string): Promise<NatsServerBinary> {
  const { binFolder, say, sources = sourcesIn(binFolder) } = options;
  for (const source of sources) {
    const kept = source.pinned || isFresh(source) ? await usable(source) : undefined;
    if (kept !== undefined) {
      return kept;
    }
  }
  const failures: string[] = [];
  for (const source of sources) {
    try {
      say?.(`nats-server: fetching ${source.from}`);
      return await fetchFrom(source, options);
    } catch (error) {
      failures.push(`${source.from}: ${errorReason(error)}`);
      say?.(`${source.from} could not be had: ${errorReason(error)}`);
    }
    const kept = await usable(source);
    if (kept !== undefined) {
      return used(source, kept, say);
    }
  }
  throw new UserError(
    [`There is no nats-server to be had. Tried NATS_SERVER_BIN (not set), the PATH (${inPath}), and`, ...failures].join(
      '\n    ',
    ),
    'Install nats-server (https://docs.nats.io/running-a-nats-service/introduction/installation), or set NATS_SERVER_BIN to its path.',
  );
}

/** Nothing better could be had today: the one of another day goes on, and the sources have a day's rest. */
function used({ file }: NatsSource, kept: NatsServerBinary, say: FindNatsOptions['say']): NatsServerBinary {
  say?.(`nats-server: using the ${kept.version} that was fetched before`);
  utimesSync(file, new Date(), new Date());
  return kept;
}

async function usable({ file, from }: NatsSource): Promise<NatsServerBinary | undefined> {
  if (!isExecutable(file)) {
    return undefined;
  }
  return inspect(file, from).catch(() => undefined);
}

const isFresh = ({ file }: NatsSource): boolean =>
  existsSync(file) && Date.now() - statSync(file).mtimeMs < FETCHED_IS_FRESH_MS;

async function fetchFrom({ fetch, file, from }: NatsSource, options: FindNatsOptions): Promise<NatsServerBinary> {
  mkdirSync(options.binFolder, { recursive: true });
  const temporary = mkdtempSync(join(options.binFolder, 'fetch-'));
  try {
    const binary = await fetch(temporary, options);
    // Before it takes its place: a package of another distribution may not run here.
    const { version } = await inspect(binary, from);
    utimesSync(binary, new Date(), new Date());
    renameSync(binary, file);
    return { path: file, version, from };
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

async function natsServerOf(unpacking: Promise<string>): Promise<string> {
  const file = join(await unpacking, 'usr/sbin/nats-server');
  if (!existsSync(file)) {
    throw new Error('the package holds no nats-server');
  }
  return file;
}

async function get(url: string): Promise<Buffer> {
  const response = await fetch(url, { signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS) });
  if (!response.ok) {
    throw new Error(`${url} answered ${response.status}`);
  }
  return Buffer.from(await response.arrayBuffer());
}

/** A large file: only the wait for the answer is short. */
async function download(url: string, say?: (message: string) => void): Promise<Buffer> {
  const abort = new AbortController();
  const tooSlow = setTimeout(() => abort.abort(new Error(`no answer from ${new URL(url).host}`)), CONNECT_TIMEOUT_MS);
  const tooLong = setTimeout(() => abort.abort(new Error('the download took too long')), DOWNLOAD_TIMEOUT_MS);
  try {
    const response = await fetch(url, { signal: abort.signal });
    clearTimeout(tooSlow);
    if (!response.ok || response.body === null) {
      throw new Error(`${url} answered ${response.status}`);
    }
    const total = Number(response.headers.get('content-length') ?? 0);
    const body: AsyncIterable<Uint8Array> = response.body;
    const chunks: Uint8Array[] = [];
    let received = 0;
    let said = 0;
    for await (const chunk of body) {
      chunks.push(chunk);
      received += chunk.length;
      const percent = total > 0 ? Math.floor((received / total) * 100) : 0;
      if (percent >= said + 25) {
        say?.(`nats-server: ${(said = percent)} %`);
      }
    }
    return Buffer.concat(chunks);
  } finally {
    clearTimeout(tooSlow);
    clearTimeout(tooLong);
  }
}

/** Node's names of processors, and the releases'. */
const CPUS: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', arm: 'arm7' };

function releasePlatform(): string {
  const cpu = CPUS[arch()];
  if (cpu === undefined || (platform() !== 'linux' && platform() !== 'darwin')) {
    throw new Error(`no archive for ${platform()}-${arch()}`);
  }
  return `${platform()}-${cpu}`;
}

async function downloadRelease(folder: string, { releases = RELEASES, say }: FindNatsOptions): Promise<string> {
  const target = releasePlatform();
  const name = `nats-server-v${NATS_VERSION}-${target}`;
  const archive = await download(`${releases}/v${NATS_VERSION}/${name}.tar.gz`, say);
  const expected = CHECKSUMS[target] ?? (await publishedChecksum(releases, `${name}.tar.gz`));
  const actual = createHash('sha256').update(archive).digest('hex');
  if (actual !== expected) {
    throw new Error(`its SHA-256 is ${actual}, not ${expected}: not used`);
  }
  const file = join(folder, `${name}.tar.gz`);
  writeFileSync(file, archive);
  await run('tar', ['-xzf', file, '-C', folder]);
  return join(folder, name, 'nats-server');
}

async function publishedChecksum(releases: string, file: string): Promise<string> {
  const sums = (await get(`${releases}/v${NATS_VERSION}/SHA256SUMS`)).toString('utf8');
  const line = sums.split('\n').find((entry) => entry.trim().endsWith(file));
  const [sum] = (line ?? '').split(/\s+/);
  if (sum === undefined || !/^[0-9a-f]{64}$/.test(sum)) {
    throw new Error(`SHA256SUMS does not name ${file}`);
  }
  return sum;
}
