import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { repository } from '@rookery/devkit/stack/repository';
import { changeOf, writeWorkspace } from '@rookery/release/eject/workspace';
import { nameOf, planRename } from '@rookery/release/rename/rename';
import { describeChange, generateIn } from '../make-it-yours';
import { type Run, running } from '../run';

interface Options {
  readonly dryRun?: true;
  readonly force?: true;
}

export function addRename(parent: Command): void {
  parent
    .command('rename')
    .argument('<name>', 'like my-shop: small letters, digits, hyphens')
    .option('--dry-run', 'print what would change, and change nothing')
    .option('--force', 'also with changes that are not committed')
    .addHelpText(
      'after',
      '\nPackages, program, settings, labels, images and links get the name; the copyright in LICENSE stays. Rename before the first deployment.',
    )
    .action(running(renameWorkspace));
}

async function renameWorkspace(run: Run, name: string, { dryRun, force }: Options): Promise<undefined> {
  const { before, outcome } = planRename(repository, name, { force: force === true || dryRun === true });
  if (dryRun === true) {
    process.stdout.write(describeChange(changeOf(before, outcome)));
    return undefined;
  }
  await run.progress.step(`${nameOf(before)} becomes ${name}`, () => writeWorkspace(repository, before, outcome));
  await run.progress.step('generated files', () => generateIn(run, repository));
  const own = ['.env', 'docker/.env'].filter((path) => existsSync(join(repository, path)));
  const hint = own.length === 0 ? '' : ` Names in ${own.join(' and ')} are yours to change.`;
  process.stderr.write(
    `Call it by \`npm run -s ${name} -- <command>\` from now on, or by \`npx ${name}\`; if npx does not find it, \`npm cache npx ls\` shows what it remembers of this folder, and \`npm cache npx rm <key>\` removes that. The links lead to github.com/${name}/${name} and ghcr.io/${name}: put your own there.${hint} Next: \`npm test\`.\n`,
  );
  return undefined;
}
