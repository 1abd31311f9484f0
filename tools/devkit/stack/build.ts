import { join } from 'node:path';
import { runProgram } from '../terminal/run-program';
import { UserError } from '../terminal/user-error';
import { APPS, type ImageName } from './app-process';
import { repository } from './repository';

/** Under `nx test` Nx has told this process of the task and workspace it is in. */
const inherited = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^NX_(TASK|WORKSPACE|PROJECT)_/.test(name)));

export interface BuildOptions {
  readonly signal?: AbortSignal | undefined;
  /** Folder of another checkout, with packages installed. @default this repository */
  readonly workspace?: string;
  readonly apps?: readonly ImageName[];
}

/** Builds the apps, or some of them; what has not changed comes from Nx's cache. */
export async function buildApps({ signal, workspace = repository, apps = APPS }: BuildOptions = {}): Promise<void> {
  const nx = [
    join(workspace, 'node_modules/.bin/nx'),
    'run-many',
    '-t',
    'build',
    '-p',
    ...apps,
    '--outputStyle=static',
  ];
  const { code, stdout, stderr } = await runProgram(process.execPath, nx, {
    cwd: workspace,
    signal,
    // Plugins inside Nx's own process: workers would outlive a build that is stopped by up to half a minute.
    env: { ...inherited(), NX_DAEMON: 'false', NX_ISOLATE_PLUGINS: 'false', NX_TUI: 'false', FORCE_COLOR: '0' },
  });
  if (signal?.aborted === true) {
    throw new UserError('The build was stopped.');
  }
  if (code !== 0) {
    throw new UserError(`The build failed:\n${`${stdout}${stderr}`.trim().split('\n').slice(-60).join('\n')}`);
  }
}
