import { execFile, type ExecFileOptions } from 'node:child_process';
import { UserError } from './user-error';

/** How a program ended, and what it printed. */
export interface Answer {
  readonly code: number;
  readonly stdout: string;
  /** Where the program could not be started or was killed: why. */
  readonly stderr: string;
}

export interface RunOptions extends Pick<ExecFileOptions, 'cwd' | 'env' | 'gid' | 'signal' | 'timeout' | 'uid'> {
  /** What the program reads on stdin. */
  readonly input?: string;
}

/** Much more than any program prints here. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
/** Exit code for a program that has none, as shells have it. */
const NOT_RUN = 127;

/** Runs a program to its end; a code other than 0 is an answer too. */
export function runProgram(
  program: string,
  args: readonly string[],
  { input = '', ...options }: RunOptions = {},
): Promise<Answer> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { maxBuffer: MAX_OUTPUT_BYTES, ...options }, (error, stdout, stderr) =>
      resolve({
        code: error === null ? 0 : typeof error.code === 'number' ? error.code : NOT_RUN,
        stdout,
        stderr: stderr || (error?.message ?? ''),
      }),
    );
    // One that refuses its arguments ends before it reads.
    child.stdin?.on('error', () => undefined).end(input);
  });
}

/**
 * What a program prints on stdout.
 * @throws {UserError} with what it said, when its code is not 0
 */
export async function outputOf(program: string, args: readonly string[], options?: RunOptions): Promise<string> {
  const { code, stdout, stderr } = await runProgram(program, args, options);
  if (code === 0) {
    return stdout.trim();
  }
  const called = [program, ...args].join(' ').slice(0, 200);
  throw new UserError(`${called} ended with ${code}: ${(stderr || stdout).trim().slice(-4_000)}`);
}
