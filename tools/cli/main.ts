import { CommanderError } from 'commander';
import { loadEnvFile } from '@rookery/devkit/stack/env-file';
import { repository } from '@rookery/devkit/stack/repository';
import { printFailure } from '@rookery/devkit/terminal/progress';
import { UserError, WRONG_USAGE } from '@rookery/devkit/terminal/user-error';
import { OperatorError } from '../../apps/operator/src/operator-error';
import { DONE, FAILED } from './exit-codes';
import { buildProgram, calledBy } from './program';

/** Runs the command that the arguments call. Result: the exit code, unless the command has ended the process. */
async function main(given: readonly string[]): Promise<number> {
  const args = given[0] === 'help' ? [...given.slice(1), '--help'] : given;
  const called = calledBy(args);
  try {
    if (called?.readsEnvFile !== false && !asksForHelp(args)) {
      loadEnvFile(repository);
    }
    const program = await buildProgram(called === undefined ? [] : [called], process);
    if (args.length === 0) {
      program.outputHelp();
    } else {
      await program.parseAsync(args, { from: 'user' });
    }
    return Number(process.exitCode ?? DONE);
  } catch (error) {
    if (error instanceof CommanderError) {
      return error.exitCode === DONE ? DONE : WRONG_USAGE;
    }
    if (error instanceof OperatorError) {
      process.stderr.write(`${error.message}\n`);
    } else {
      printFailure(error);
    }
    return error instanceof UserError || error instanceof OperatorError ? error.exitCode : FAILED;
  }
}

const asksForHelp = (args: readonly string[]): boolean =>
  args.length === 0 || args.includes('--help') || args.includes('-h');

// A reader such as `head` may close the pipe early.
process.stdout.on('error', () => process.exit());
process.exitCode = await main(process.argv.slice(2));
