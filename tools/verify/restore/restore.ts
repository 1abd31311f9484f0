import { buildApps } from '@rookery/devkit/stack/build';
import { publishReport } from '../results/store-report';
import { markdownOf } from './report';
import { type RestoreOptions, restoreTest } from './restore-test';

/** Loses a service's database under load and restores it. Result: whether every promise was kept. */
export async function testRestore(options: RestoreOptions & { readonly record?: boolean }): Promise<boolean> {
  const { progress, service, loseWal = false, record } = options;
  await progress.step('build', () => buildApps());
  const result = await restoreTest(options);
  const name = `${service}${loseWal ? '-lost-wal' : ''}`;
  await publishReport({ kind: 'restore', name, json: result, markdown: markdownOf(result) }, { record, progress });
  return result.broken.length === 0;
}
