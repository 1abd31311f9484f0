import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildApps } from '@rookery/devkit/stack/build';
import { repository } from '@rookery/devkit/stack/repository';
import { markdownOf } from './report';
import { restoreTest, type RestoreOptions } from './restore-test';

/** Loses a service's database under load and restores it. Result: whether every promise was kept. */
export async function testRestore(options: RestoreOptions): Promise<boolean> {
  const { progress, service, loseWal } = options;
  await progress.step('build', () => buildApps());
  const result = await restoreTest(options);
  const folder = join(repository, '.data/restore');
  mkdirSync(folder, { recursive: true });
  const report = join(folder, `${service}${loseWal ? '-lost-wal' : ''}`);
  writeFileSync(`${report}.json`, `${JSON.stringify(result, null, 2)}\n`);
  writeFileSync(`${report}.md`, markdownOf(result));
  process.stdout.write(markdownOf(result));
  progress.say(`report: ${report}.md and .json`);
  return result.broken.length === 0;
}
