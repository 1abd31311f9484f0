import { join } from 'node:path';
import { unpackStable } from '@rookery/devkit/stack/debian-package';
import { BIN_FOLDER, locateProgram } from '@rookery/devkit/stack/fetched-program';
import { type Environment, isExecutable } from '@rookery/devkit/stack/program-path';
import { runProgram } from '@rookery/devkit/terminal/run-program';

/** Debian has promtool in the first of these, and since 2026 in the second. */
const PACKAGES = ['prometheus', 'promtool'] as const;

export interface FindPromtoolOptions {
  /** Where a fetched binary is kept. @default BIN_FOLDER */
  readonly binFolder?: string;
  readonly env?: Environment;
  /** Debian's package tool; specs name one that fails. */
  readonly aptGet?: string;
}

/** Path of a promtool, see `locateProgram`. The source is Debian's package. */
export async function findPromtool(options: FindPromtoolOptions = {}): Promise<string> {
  const { path } = await locateProgram({
    ...options,
    name: 'promtool',
    variable: 'PROMTOOL_BIN',
    // Every version checks rules as we need it.
    inspect: () => Promise.resolve(''),
    sources: PACKAGES.map((name) => ({
      from: `Debian's package ${name}`,
      file: join(options.binFolder ?? BIN_FOLDER, 'promtool-debian'),
      pinned: true,
      fetch: (folder) => promtoolOf(name, folder, options),
    })),
    install: 'Install Prometheus (https://prometheus.io/download/), or set PROMTOOL_BIN to the path of promtool.',
  });
  return path;
}

async function promtoolOf(name: string, folder: string, options: FindPromtoolOptions): Promise<string> {
  const file = join(await unpackStable(name, folder, options), 'usr/bin/promtool');
  if (!isExecutable(file)) {
    throw new Error('the package holds no promtool');
  }
  return file;
}

/** How promtool ended, with all it said. */
export interface Verdict {
  readonly passed: boolean;
  readonly said: string;
}

/** Runs promtool in a folder. */
export async function promtool(program: string, folder: string, ...args: readonly string[]): Promise<Verdict> {
  const { code, stdout, stderr } = await runProgram(program, args, { cwd: folder });
  return { passed: code === 0, said: stdout + stderr };
}
