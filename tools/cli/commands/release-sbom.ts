import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Command } from 'commander';
import { IMAGES } from '@rookery/devkit/stack/app-process';
import { buildApps } from '@rookery/devkit/stack/build';
import { repository } from '@rookery/devkit/stack/repository';
import { UserError } from '@rookery/devkit/terminal/user-error';
import { bomOf, validateBom } from '@rookery/release/bom';
import { licenceProblems, productionPackages, readLockFile } from '@rookery/release/licences';
import { type Run, running } from '../run';

const FOLDER = join(repository, 'dist/sbom');

export function addReleaseSbom(parent: Command): void {
  parent
    .command('sbom')
    .addHelpText('after', '\nThe documents go to dist/sbom. Exit code 1 when a licence is not allowed.')
    .action(running(writeSboms));
}

async function writeSboms({ progress }: Run): Promise<undefined> {
  await progress.step('build', () => buildApps({ apps: IMAGES }));
  mkdirSync(FOLDER, { recursive: true });
  for (const app of IMAGES) {
    const bom = await bomOf(app);
    const text = `${JSON.stringify(bom, null, 2)}\n`;
    await validateBom(text);
    const file = join(FOLDER, `${app}.cdx.json`);
    writeFileSync(file, text);
    progress.say(`${relative(repository, file)}: ${bom.components.length} components, valid`);
  }
  const packages = productionPackages(readLockFile());
  const problems = licenceProblems(packages);
  if (problems.length > 0) {
    throw new UserError(problems.join('\n'), 'tools/release/licences.ts lists the allowed ones.');
  }
  progress.say(`the licences of ${packages.length} packages are allowed`);
}
