import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildApps } from '@rookery/devkit/stack/build';
import { Progress } from '@rookery/devkit/terminal/progress';
import { runToEnd } from '@rookery/devkit/terminal/program';
import { repository } from '@rookery/devkit/stack/repository';
import { faults } from './faults/faults';
import { readCommandLine } from './options';
import { markdownOf, seriesOf } from './report';
import { runChaos, type ChaosResult } from './run';

/** `npm run chaos`: breaks a stack of its own under load and checks that nothing was lost. Exit code 1 on a violation. */
async function main(): Promise<number> {
  const { list, seeds, ...options } = readCommandLine(process.argv.slice(2));
  if (list) {
    for (const { name, what } of faults) process.stdout.write(`${name.padEnd(20)} ${what}\n`);
    return 0;
  }
  const progress = new Progress();
  await progress.step('build', () => buildApps());
  const folder = join(repository, '.data/chaos');
  mkdirSync(folder, { recursive: true });
  const results: ChaosResult[] = [];
  for (const [index, seed] of seeds.entries()) {
    progress.say(`chaos with seed ${seed}${seeds.length === 1 ? '' : `, run ${index + 1} of ${seeds.length}`}`);
    const result = await runChaos({ ...options, seed, progress });
    results.push(result);
    const report = join(folder, `seed-${seed}`);
    writeFileSync(`${report}.json`, `${JSON.stringify(result, null, 2)}\n`);
    writeFileSync(`${report}.md`, markdownOf(result));
    process.stdout.write(markdownOf(result));
    progress.say(`report: ${report}.md and .json`);
  }
  if (results.length > 1) process.stdout.write(seriesOf(results));
  return results.every(({ violations }) => violations.length === 0) ? 0 : 1;
}

await runToEnd(main);
