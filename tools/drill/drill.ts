import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildApps } from '../stack/build';
import { printFailure, Progress } from '../stack/progress';
import { repository } from '../stack/repository';
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

// Not once: Ctrl-C arrives twice, from the terminal and forwarded, and the second must not cut the clean-up short.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));

try {
  process.exit(await main());
} catch (error) {
  printFailure(error);
  process.exit(2);
}
