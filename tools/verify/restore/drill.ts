import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildApps } from '@rookery/devkit/stack/build';
import { Progress } from '@rookery/devkit/terminal/progress';
import { runToEnd } from '@rookery/devkit/terminal/program';
import { repository } from '@rookery/devkit/stack/repository';
import { readCommandLine } from './options';
import { markdownOf } from './report';
import { restoreDrill } from './restore-drill';

/** `npm run drill:restore`: loses a service's database under load and brings it back. Exit code 1 when a promise was broken. */
async function main(): Promise<number> {
  const options = readCommandLine(process.argv.slice(2));
  const progress = new Progress();
  await progress.step('build', () => buildApps());
  const result = await restoreDrill({ ...options, progress });
  const folder = join(repository, '.data/drill');
  mkdirSync(folder, { recursive: true });
  const report = join(folder, `${options.service}${options.loseWal ? '-lost-wal' : ''}`);
  writeFileSync(`${report}.json`, `${JSON.stringify(result, null, 2)}\n`);
  writeFileSync(`${report}.md`, markdownOf(result));
  process.stdout.write(markdownOf(result));
  progress.say(`report: ${report}.md and .json`);
  return result.broken.length === 0 ? 0 : 1;
}

await runToEnd(main);
