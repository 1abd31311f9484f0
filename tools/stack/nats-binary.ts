import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fromDebianPackage } from './debian-package';
import { errorReason } from './error-facts';
import { isExecutable, programInPath, programNamedBy, type Environment } from './program-path';
import { StackError } from './stack-error';

const run = promisify(execFile);

/** The release that is fetched; that of the image in docker/compose.yaml too. */
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
const CONNECT_TIMEOUT_MS = 8_000;
const DOWNLOAD_TIMEOUT_MS = 120_000;

export interface FindNatsOptions {
  /** Where a fetched binary is kept. */
  readonly binFolder: string;
  readonly env?: Environment;
  readonly say?: (message: string) => void;
  /** Base address of the releases. */
  readonly releases?: string;
  /** Debian's package tool; specs name one that fails. */
  readonly aptGet?: string;
}

/**
 * Path of a nats-server: NATS_SERVER_BIN, else one in the PATH, else the pinned official release, else Debian's package,
 * the last two unpacked into `binFolder` once. Throws a StackError that lists what was tried when there is none.
 */
export async function findNatsServer(options: FindNatsOptions): Promise<string> {
  const { binFolder, env = process.env, say } = options;
  const given = programNamedBy('NATS_SERVER_BIN', env);
  if (given !== undefined) return given;
  const inPath = programInPath('nats-server', env);
  if (inPath !== undefined) return inPath;

  const sources = [
    {
      what: `the official release ${NATS_VERSION}`,
      file: join(binFolder, `nats-server-${NATS_VERSION}`),
      fetch: downloadRelease,
    },
    { what: "Debian's package", file: join(binFolder, 'nats-server-debian'), fetch: unpackDebianPackage },
  ];
  const fetched = sources.find(({ file }) => isExecutable(file));
  if (fetched !== undefined) return fetched.file;

  mkdirSync(binFolder, { recursive: true });
  const failures: string[] = [];
  for (const { what, file, fetch } of sources) {
    const temporary = mkdtempSync(join(binFolder, 'fetch-'));
    try {
      say?.(`no nats-server here yet: fetching ${what}`);
      renameSync(await fetch(temporary, options), file);
      return file;
    } catch (error) {
      failures.push(`${what}: ${errorReason(error)}`);
      say?.(`${what} could not be had: ${errorReason(error)}`);
    } finally {
      rmSync(temporary, { recursive: true, force: true });
    }
  }
  throw new StackError(
    ['There is no nats-server to be had. Tried NATS_SERVER_BIN (not set), the PATH (not there), and', ...failures].join(
      '\n    ',
    ),
    'Install nats-server (https://docs.nats.io/running-a-nats-service/introduction/installation), or set NATS_SERVER_BIN to its path.',
  );
}

async function get(url: string): Promise<Buffer> {
  const response = await fetch(url, { signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
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
    if (!response.ok || response.body === null) throw new Error(`${url} answered ${response.status}`);
    const total = Number(response.headers.get('content-length') ?? 0);
    const body: AsyncIterable<Uint8Array> = response.body;
    const chunks: Uint8Array[] = [];
    let received = 0;
    let said = 0;
    for await (const chunk of body) {
      chunks.push(chunk);
      received += chunk.length;
      const percent = total > 0 ? Math.floor((received / total) * 100) : 0;
      if (percent >= said + 25) say?.(`nats-server: ${(said = percent)} %`);
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
  if (actual !== expected) throw new Error(`its SHA-256 is ${actual}, not ${expected}: not used`);
  const file = join(folder, `${name}.tar.gz`);
  writeFileSync(file, archive);
  await run('tar', ['-xzf', file, '-C', folder]);
  return join(folder, name, 'nats-server');
}

async function publishedChecksum(releases: string, file: string): Promise<string> {
  const sums = (await get(`${releases}/v${NATS_VERSION}/SHA256SUMS`)).toString('utf8');
  const line = sums.split('\n').find((entry) => entry.trim().endsWith(file));
  const [sum] = (line ?? '').split(/\s+/);
  if (sum === undefined || !/^[0-9a-f]{64}$/.test(sum)) throw new Error(`SHA256SUMS does not name ${file}`);
  return sum;
}

const unpackDebianPackage = (folder: string, { aptGet, say }: FindNatsOptions): Promise<string> =>
  fromDebianPackage('nats-server', 'usr/sbin/nats-server', { folder, aptGet, say });
