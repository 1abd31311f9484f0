import { setTimeout as sleep } from 'node:timers/promises';
import { printFailure, Progress } from '@rookery/devkit/terminal/progress';
import { Shutdown } from '@rookery/devkit/terminal/shutdown';
import { UserError } from '@rookery/devkit/terminal/user-error';
import { DONE, FAILED, INTERRUPTED } from './exit-codes';

/** A start that was interrupted has this long to finish its current step. */
const GIVE_UP_WITHIN_MS = 30_000;

/** What the work of a command reports to and registers its clean-up with. */
export interface Run {
  readonly progress: Progress;
  readonly shutdown: Shutdown;
}

/** The work of a command. Its result is the exit code; none means success. */
type Work<Args extends readonly unknown[]> = (run: Run, ...args: Args) => Promise<number | undefined>;

/** Action of a command that ends by itself. Ctrl-C cleans up and ends it with 130. */
export const running =
  <Args extends readonly unknown[]>(work: Work<Args>) =>
  async (...args: Args): Promise<never> => {
    const run = newRun();
    const interrupted = run.shutdown.asked.then(() => INTERRUPTED);
    let code: number;
    try {
      code = (await Promise.race([work(run, ...args), interrupted])) ?? DONE;
    } catch (error) {
      code = failed(error);
    }
    await run.shutdown.run();
    process.exit(code);
  };

/**
 * Action of a command that stays until Ctrl-C, which is its normal end. The work brings the system up and answers with a function that waits
 * for a failure and describes it.
 */
export const staying =
  <Args extends readonly unknown[]>(start: (run: Run, ...args: Args) => Promise<() => Promise<string>>) =>
  async (...args: Args): Promise<never> => {
    const run = newRun();
    const asked = run.shutdown.asked.then(() => undefined);
    const started = start(run, ...args);
    let code = DONE;
    try {
      const failure = await Promise.race([asked, started.then((failure) => Promise.race([asked, failure()]))]);
      if (failure !== undefined) {
        throw new UserError(failure);
      }
    } catch (error) {
      code = failed(error);
    }
    // After Ctrl-C during the start, the current step ends first and registers what to undo.
    await Promise.race([Promise.allSettled([started]), sleep(GIVE_UP_WITHIN_MS, undefined, { ref: false })]);
    await run.shutdown.run();
    if (code === DONE) {
      run.progress.say('everything is stopped');
    }
    process.exit(code);
  };

function newRun(): Run {
  const progress = new Progress();
  return { progress, shutdown: new Shutdown(progress.say) };
}

function failed(error: unknown): number {
  printFailure(error);
  return error instanceof UserError ? error.exitCode : FAILED;
}
