import type { Command } from 'commander';
import { repository } from '@rookery/devkit/stack/repository';
import { UserError, WRONG_USAGE } from '@rookery/devkit/terminal/user-error';
import { isEjected, type Part } from '@rookery/release/eject/part';
import { parts } from '@rookery/release/eject/parts';
import { readWorkspace } from '@rookery/release/eject/workspace';
import { FAILED } from '../exit-codes';
import { type Run, running } from '../run';

interface Options {
  readonly checksOnly?: true;
}

export function addVerifyEject(parent: Command): void {
  parent
    .command('eject')
    .argument('[parts...]', 'which parts; by default each one, one after the other')
    .option('--checks-only', 'without the specs that start servers: minutes for each part instead of an hour')
    .addHelpText(
      'after',
      '\nEach part is taken from a copy of its own, which then builds and passes what is left. Exit code 1 when one does not.',
    )
    .action(running(verifyEject));
}

async function verifyEject(run: Run, names: readonly string[], { checksOnly }: Options): Promise<number | undefined> {
  const { WorkspaceCopy } = await import('@rookery/verify/workspace/copy');
  const { check, CHECKS, ejectFrom, EVERYTHING, TrialFailed } = await import('@rookery/verify/workspace/trial');
  const failed: string[] = [];
  for (const part of chosen(names)) {
    const copy = new WorkspaceCopy(repository);
    run.shutdown.afterwards(() => copy.remove());
    try {
      await run.progress.step(`ejected: ${part.name}`, () => ejectFrom(copy, [part.name]));
      const what = checksOnly === true ? CHECKS : EVERYTHING;
      await run.progress.step(`without ${part.name}: ${what.what}`, () => check(copy, what));
    } catch (error) {
      if (!(error instanceof TrialFailed)) {
        throw error;
      }
      failed.push(part.name);
      process.stderr.write(`${error.message}\n`);
    } finally {
      await copy.remove();
    }
  }
  process.stdout.write(
    failed.length === 0 ? 'every part comes off\n' : `these do not come off: ${failed.join(', ')}\n`,
  );
  return failed.length === 0 ? undefined : FAILED;
}

function chosen(names: readonly string[]): readonly Part[] {
  const files = readWorkspace(repository);
  const left = parts.filter((part) => !isEjected(part, files));
  return names.length === 0
    ? left
    : names.map((name) => {
        const part = left.find((one) => one.name === name);
        if (part === undefined) {
          throw new UserError(`There is no part "${name}" here.`, '`rookery eject` lists the parts.', WRONG_USAGE);
        }
        return part;
      });
}
