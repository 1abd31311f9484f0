import { buildApps } from '@rookery/devkit/stack/build';
import { repository } from '@rookery/devkit/stack/repository';
import { storeReport } from '../results/store-report';
import { markdownOf } from './report';
import { type RestoreOptions, restoreTest } from './restore-test';

/** Loses a service's database under load and restores it. Result: whether every promise was kept. */
export async function testRestore(options: RestoreOptions & { readonly record: boolean }): Promise<boolean> {
  const { progress, service, loseWal, record } = options;
  await progress.step('build', () => buildApps());
  const result = await restoreTest(options);
  const markdown = markdownOf(result);
  const report = { kind: 'restore', name: `${service}${loseWal ? '-lost-wal' : ''}`, json: result, markdown };
  const written = storeReport(report, { root: repository, record, now: new Date() });
  process.stdout.write(markdown);
  progress.say(`report: ${written.join(', ')}`);
  return result.broken.length === 0;
}
