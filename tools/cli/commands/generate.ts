import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { repository } from '@rookery/devkit/stack/repository';
import { DONE, FAILED } from '../exit-codes';
import { type Run, running } from '../run';

export function addGenerate(parent: Command): void {
  parent
    .command('generate')
    .option('--check', 'write nothing; exit code 1 when a file is stale')
    .addHelpText(
      'after',
      '\nThe API documents, .env.example, the broker’s configuration, the pages of the ledgers and the tables of commands.',
    )
    .action(running(generate));
}

async function generate(_run: Run, { check }: { readonly check?: true }): Promise<number> {
  const { generatedFiles } = await import('../generate/generated-files');
  const stale: string[] = [];
  for (const { path, text } of await generatedFiles()) {
    const file = join(repository, path);
    if ((await readFile(file, 'utf8').catch(() => undefined)) === text) {
      continue;
    }
    stale.push(path);
    if (check === true) {
      continue;
    }
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  if (stale.length === 0) {
    process.stdout.write('generated files are up to date\n');
    return DONE;
  }
  if (check !== true) {
    process.stdout.write(`written: ${stale.join(', ')}\n`);
    return DONE;
  }
  process.stderr.write(`stale: ${stale.join(', ')}. Run \`npm run generate\` and commit the result.\n`);
  return FAILED;
}
