import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { unpackStable } from '@rookery/devkit/stack/debian-package';
import { type Environment, isExecutable, programInPath, programNamedBy } from '@rookery/devkit/stack/program-path';
import { errorReason } from '@rookery/devkit/terminal/error-facts';
import { UserError } from '@rookery/devkit/terminal/user-error';

const run = promisify(execFile);

/** Debian has promtool in the first of these, and since 2026 in the second. */
const PACKAGES = ['prometheus', 'promtool'] as const;

export interface FindPromtoolOptions {
  /** Where a fetched binary is kept. */
  readonly binFolder: string;
  readonly env?: Environment;
  /** Debian's package tool; specs name one that fails. */
  readonly aptGet?: string;
}

/**
 * Path of a promtool: PROMTOOL_BIN, else one in the PATH, else that of Debian's package, unpacked into `binFolder` once.
 * Throws a UserError that says what was tried when there is none.
 */
export async function findPromtool({ binFolder, env = process.env, aptGet }: FindPromtoolOptions): Promise<string> {
  const here = programNamedBy('PROMTOOL_BIN', env) ?? programInPath('promtool', env);
  if (here !== undefined) {
    return here;
  }
  const file = join(binFolder, 'promtool-debian');
  if (isExecutable(file)) {
    return file;
  }
  mkdirSync(binFolder, { recursive: true });
  const failures: string[] = [];
  for (const name of PACKAGES) {
    const folder = mkdtempSync(join(binFolder, 'fetch-'));
    try {
      const unpacked = join(await unpackStable(name, folder, { aptGet }), 'usr/bin/promtool');
      if (!isExecutable(unpacked)) {
        throw new Error('the package holds no promtool');
      }
      renameSync(unpacked, file);
      return file;
    } catch (error) {
      failures.push(`Debian's package ${name}: ${errorReason(error)}`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  throw new UserError(
    ['There is no promtool to be had. Tried PROMTOOL_BIN (not set), the PATH (not there), and', ...failures].join(
      '\n    ',
    ),
    'Install Prometheus (https://prometheus.io/download/), or set PROMTOOL_BIN to the path of promtool.',
  );
}

/** How promtool ended, with all it said. */
export interface Verdict {
  readonly passed: boolean;
  readonly said: string;
}

/** Runs promtool in a folder. */
export async function promtool(program: string, folder: string, ...args: readonly string[]): Promise<Verdict> {
  try {
    const { stdout, stderr } = await run(program, args, { cwd: folder, maxBuffer: 16 * 1024 * 1024 });
    return { passed: true, said: stdout + stderr };
  } catch (error) {
    const said = typeof error === 'object' && error !== null && 'stdout' in error && 'stderr' in error;
    return { passed: false, said: said ? `${String(error.stdout)}${String(error.stderr)}` : errorReason(error) };
  }
}
