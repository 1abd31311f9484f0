import type { Command } from 'commander';
import { JEST, runChild } from '../child';
import { type Run, running } from '../run';

export function addSpec(parent: Command): void {
  parent
    .command('spec')
    .argument('<paths...>', 'files, folders or patterns; options of Jest may follow, such as -t "cancels"')
    .allowUnknownOption()
    .addHelpText(
      'after',
      '\n--inspect-brk[=port] waits for a debugger, on port 9229 by default. Specs of apps/e2e build the apps first.',
    )
    .action(running(spec));
}

const isInspection = (argument: string): boolean => /^--inspect(-brk|-wait)?(=|$)/.test(argument);

async function spec(run: Run, args: readonly string[]): Promise<number> {
  const inspection = args.filter(isInspection);
  // A debugger sees one process only.
  const debugged = inspection.length > 0 ? ['--runInBand', '--testTimeout=3600000'] : [];
  const jest = args.filter((argument) => !isInspection(argument));
  return runChild(run, process.execPath, [...inspection, ...JEST, ...debugged, ...jest]);
}
