import { createHash } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import { requireSupportedNatsServer } from '@rookery/messaging';
import { outputOf } from '../terminal/run-program';
import { type DebianOptions, unpackStable, unpackUnstable } from './debian-package';
import { BIN_FOLDER, type LocatedProgram, locateProgram, type ProgramSource } from './fetched-program';
import type { Environment } from './program-path';

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
const DOWNLOAD_TIMEOUT_MS = 120_000;

export interface FindNatsOptions extends DebianOptions {
  /** Where a fetched binary is kept. @default BIN_FOLDER */
  readonly binFolder?: string;
  readonly env?: Environment;
  /** Base address of the releases. */
  readonly releases?: string;
  /** Where to fetch one from, best first; specs name their own. */
  readonly sources?: readonly ProgramSource[];
}

/** Path of the nats-server that `locateNatsServer` finds. */
export const findNatsServer = async (options: FindNatsOptions = {}): Promise<string> =>
  (await locateNatsServer(options)).path;

/**
 * A nats-server that is new enough, see `locateProgram`. The sources are the pinned official release, Debian unstable's package, and the
 * distribution's own package.
 */
export const locateNatsServer = (options: FindNatsOptions = {}): Promise<LocatedProgram> =>
  locateProgram({
    name: 'nats-server',
    variable: 'NATS_SERVER_BIN',
    inspect,
    install:
      'Install nats-server (https://docs.nats.io/running-a-nats-service/introduction/installation), or set NATS_SERVER_BIN to its path.',
    ...options,
    sources: options.sources ?? sourcesOf(options),
  });

function sourcesOf(options: FindNatsOptions): readonly ProgramSource[] {
  const { binFolder = BIN_FOLDER, releases = RELEASES } = options;
  return [
    {
      from: `the official release ${NATS_VERSION}`,
      file: join(binFolder, `nats-server-${NATS_VERSION}`),
      pinned: true,
      fetch: (folder) => downloadRelease(folder, releases),
    },
    {
      from: "Debian unstable's package",
      file: join(binFolder, 'nats-server-debian-unstable'),
      pinned: false,
      fetch: (folder) => natsServerOf(unpackUnstable('nats-server', folder, options)),
    },
    {
      from: "the distribution's package",
      file: join(binFolder, 'nats-server-debian'),
      pinned: false,
      fetch: (folder) => natsServerOf(unpackStable('nats-server', folder, options)),
    },
  ];
}

/** @throws {Error} when it is not a nats-server, or not a supported one */
async function inspect(path: string, from: string): Promise<string> {
  const printed = await outputOf(path, ['--version'], { timeout: 10_000 });
  const [, version] = /^nats-server: v(\d+\.\d+\.\d+\S*)/.exec(printed) ?? [];
  if (version === undefined) {
    throw new Error('it does not say that it is a nats-server');
  }
  requireSupportedNatsServer(version, from);
  return version;
}

async function natsServerOf(unpacking: Promise<string>): Promise<string> {
  const file = join(await unpacking, 'usr/sbin/nats-server');
  if (!existsSync(file)) {
    throw new Error('the package holds no nats-server');
  }
  return file;
}

async function download(url: string): Promise<Buffer> {
  const response = await fetch(url, { signal: AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS) });
  if (!response.ok) {
    throw new Error(`${url} answered ${response.status}`);
  }
  return Buffer.from(await response.arrayBuffer());
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

async function downloadRelease(folder: string, releases: string): Promise<string> {
  const target = releasePlatform();
  const name = `nats-server-v${NATS_VERSION}-${target}`;
  const archive = await download(`${releases}/v${NATS_VERSION}/${name}.tar.gz`);
  const expected = CHECKSUMS[target] ?? (await publishedChecksum(releases, `${name}.tar.gz`));
  const actual = createHash('sha256').update(archive).digest('hex');
  if (actual !== expected) {
    throw new Error(`its SHA-256 is ${actual}, not ${expected}: not used`);
  }
  const file = join(folder, `${name}.tar.gz`);
  writeFileSync(file, archive);
  await outputOf('tar', ['-xzf', file, '-C', folder]);
  return join(folder, name, 'nats-server');
}

async function publishedChecksum(releases: string, file: string): Promise<string> {
  const sums = (await download(`${releases}/v${NATS_VERSION}/SHA256SUMS`)).toString('utf8');
  const line = sums.split('\n').find((entry) => entry.trim().endsWith(file));
  const [sum] = (line ?? '').split(/\s+/);
  if (sum === undefined || !/^[0-9a-f]{64}$/.test(sum)) {
    throw new Error(`SHA256SUMS does not name ${file}`);
  }
  return sum;
}
