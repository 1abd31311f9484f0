import { IMAGES } from '@rookery/devkit/stack/app-process';
import type { Ended, WorkspaceCopy } from './copy';

/** Something that must succeed in a copy. */
export interface Check {
  readonly what: string;
  readonly run: (copy: WorkspaceCopy) => Promise<Ended>;
}

export const BUILD: Check = {
  what: 'build',
  run: (copy) =>
    copy.run('node_modules/.bin/nx', 'run-many', '-t', 'build', '-p', IMAGES.join(','), '--outputStyle=static'),
};
export const TYPES: Check = {
  what: 'types',
  run: (copy) => copy.run('node_modules/.bin/tsc', '--noEmit', '--pretty', 'false', '-p', '.'),
};
export const GENERATED: Check = { what: 'generated files', run: (copy) => copy.command('generate', '--check') };
/** The rules and the documents of the workspace. */
export const DOCUMENTS: Check = {
  what: 'documents and commands',
  run: (copy) => copy.command('spec', 'tools/verify/repository/ledgers', 'tools/cli/commands.spec.ts'),
};
/** Build, types, formatting, lint, cycles, unused code, generated files, and the specs of the workspace itself. */
export const CHECKS: Check = {
  what: 'every check',
  run: (copy) =>
    copy.command(
      'test',
      '--checks',
      'tools/cli',
      'tools/release',
      'tools/verify/repository',
      'tools/verify/pipeline',
      'tools/verify/compose',
    ),
};
export const EVERYTHING: Check = { what: 'every check and every spec', run: (copy) => copy.command('test') };

/** What a program said at its end, when it failed. */
export class TrialFailed extends Error {
  constructor(what: string, { code, said }: Ended) {
    super(`${what} ended with ${code}:\n${said.slice(-LAST_CHARACTERS)}`);
    this.name = 'TrialFailed';
  }
}

const LAST_CHARACTERS = 20_000;

/**
 * Takes parts from a copy by the command that people call, and commits.
 * @throws {TrialFailed} when it fails
 */
export async function ejectFrom(copy: WorkspaceCopy, parts: readonly string[]): Promise<void> {
  succeeded('rookery eject', await copy.command('eject', ...parts));
  copy.commit();
}

/**
 * Runs a check in a copy.
 * @throws {TrialFailed} when it fails
 */
export async function check(copy: WorkspaceCopy, { what, run }: Check): Promise<void> {
  succeeded(what, await run(copy));
}

export function succeeded(what: string, ended: Ended): void {
  if (ended.code !== 0) {
    throw new TrialFailed(what, ended);
  }
}
