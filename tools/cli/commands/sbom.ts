import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { IMAGES } from '@rookery/devkit/stack/app-process';
import { buildApps } from '@rookery/devkit/stack/build';
import { takesNoArguments } from '@rookery/devkit/terminal/help';
import { printFailure, Progress } from '@rookery/devkit/terminal/progress';
import { repository } from '@rookery/devkit/stack/repository';
import { StackError } from '@rookery/devkit/terminal/stack-error';
import { bomOf, validateBom } from '@rookery/release/bom';
import { licenceProblems, productionPackages, readLockFile } from '@rookery/release/licences';

// `npm run sbom`: a validated CycloneDX document of each app's production tree, in dist/sbom; fails on a licence that is not allowed.

takesNoArguments(`Usage: npm run sbom
Writes a validated CycloneDX document of each app's production tree to dist/sbom; fails on a licence that is not allowed.`);

const folder = join(repository, 'dist/sbom');

try {
  const progress = new Progress();
  await progress.step('build', () => buildApps({ apps: IMAGES }));
  mkdirSync(folder, { recursive: true });
  for (const app of IMAGES) {
    const bom = await bomOf(app);
    const text = `${JSON.stringify(bom, null, 2)}\n`;
    await validateBom(text);
    const file = join(folder, `${app}.cdx.json`);
    writeFileSync(file, text);
    progress.say(`${relative(repository, file)}: ${bom.components.length} components, valid`);
  }
  const packages = productionPackages(readLockFile());
  const problems = licenceProblems(packages);
  if (problems.length > 0)
    throw new StackError(problems.join('\n'), 'tools/release/licences.ts says which are allowed.');
  progress.say(`the licences of ${packages.length} packages are allowed`);
} catch (error) {
  printFailure(error);
  process.exit(1);
}
