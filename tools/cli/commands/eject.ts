import type { Command } from 'commander';
import { repository } from '@rookery/devkit/stack/repository';
import { isEjected } from '@rookery/release/eject/part';
import { parts } from '@rookery/release/eject/parts';
import { planEject } from '@rookery/release/eject/request';
import { changeOf, readWorkspace, writeWorkspace } from '@rookery/release/eject/workspace';
import { describeChange, generateIn } from '../make-it-yours';
import { type Run, running } from '../run';

interface Options {
  readonly list?: true;
  readonly dryRun?: true;
  readonly force?: true;
}

export function addEject(parent: Command): void {
  parent
    .command('eject')
    .argument('[parts...]', 'what to take away; without any, the parts are listed')
    .option('--list', 'list the parts')
    .option('--dry-run', 'print what would change, and change nothing')
    .option('--force', 'also with changes that are not committed')
    .addHelpText(
      'after',
      '\nFiles, commands, specs, packages and the sentences about them go: docs/make-it-yours.md. `git diff` shows what was done.',
    )
    .action(running(ejectParts));
}

async function ejectParts(run: Run, names: readonly string[], { list, dryRun, force }: Options): Promise<undefined> {
  if (list === true || names.length === 0) {
    printParts();
    return undefined;
  }
  const { before, outcome } = planEject(repository, names, { force: force === true || dryRun === true });
  const change = changeOf(before, outcome);
  if (dryRun === true) {
    process.stdout.write(describeChange(change));
    return undefined;
  }
  await run.progress.step(`without ${names.join(', ')}`, () => writeWorkspace(repository, before, outcome));
  await run.progress.step('generated files', () => generateIn(run, repository));
  const { removed, moved, edited } = change;
  process.stderr.write(
    `${removed.length} files removed, ${moved.length} moved, ${edited.length} edited. Next: \`npm install\` prunes the lock file, then \`npm test\`.\n`,
  );
  return undefined;
}

function printParts(): void {
  const files = readWorkspace(repository);
  const width = Math.max(...parts.map(({ name }) => name.length));
  for (const part of parts) {
    process.stdout.write(`${part.name.padEnd(width)}  ${isEjected(part, files) ? 'gone already' : part.goes}\n`);
  }
}
