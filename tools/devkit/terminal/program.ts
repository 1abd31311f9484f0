import { setTimeout as sleep } from 'node:timers/promises';
import { printFailure, Progress } from './progress';
import { Shutdown } from './shutdown';

/** A start that was given up has this long to clean up after itself. */
const GIVE_UP_WITHIN_MS = 30_000;

/**
 * Runs a program that stays in the foreground: `start` brings things up, registers how to take them down, and answers with a
 * function that waits for what may go wrong later and tells it. Ends with 0 when asked to, with 1 when something went wrong.
 */
export async function runInForeground(
  start: (progress: Progress, shutdown: Shutdown) => Promise<() => Promise<string>>,
): Promise<never> {
  const progress = new Progress();
  const shutdown = new Shutdown(progress.say);
  const asked = shutdown.asked.then(() => undefined);
  const running = start(progress, shutdown);
  let code = 0;
  try {
    const failure = await Promise.race([asked, running.then((untilFailure) => Promise.race([asked, untilFailure()]))]);
    if (failure !== undefined) {
      process.stderr.write(`\n${failure}\n`);
      code = 1;
    }
  } catch (error) {
    printFailure(error);
    code = 1;
  }
  // When asked while starting: the step in hand ends first, and registers what it made.
  const settled = running.then(
    () => undefined,
    () => undefined,
  );
  await Promise.race([settled, sleep(GIVE_UP_WITHIN_MS, undefined, { ref: false })]);
  await shutdown.run();
  if (code === 0) progress.say('everything is stopped');
  process.exit(code);
}

/** Runs a program that ends by itself: exit code as `main` says, 130 when it is stopped, `failed` when it cannot go on. */
export async function runToEnd(main: () => Promise<number>, failed = 2): Promise<never> {
  // Not once: Ctrl-C arrives twice, from the terminal and forwarded, and the second must not cut the clean-up short.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));
  try {
    process.exit(await main());
  } catch (error) {
    printFailure(error);
    process.exit(failed);
  }
}

/** Result of the first when both succeed; when the second fails the first one still ends, so that what it made can be undone. */
export async function both<T>(first: Promise<T>, second: Promise<unknown>): Promise<T> {
  try {
    const [result] = await Promise.all([first, second]);
    return result;
  } catch (error) {
    await Promise.allSettled([first]);
    throw error;
  }
}
