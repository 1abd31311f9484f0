import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type Run, running } from '../run';

export function addVerifyPolicies(parent: Command): void {
  parent
    .command('policies')
    .argument('<folder>', 'where to write the cases; then run `kyverno test <folder>`')
    .action(running(policies));
}

async function policies(_run: Run, given: string): Promise<undefined> {
  const { writeKyvernoTest } = await import('@rookery/verify/policies/write-kyverno-test');
  const folder = resolve(given);
  process.stderr.write(`${writeKyvernoTest(folder)} cases in ${folder}: kyverno test ${folder}\n`);
}
