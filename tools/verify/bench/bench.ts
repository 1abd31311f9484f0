import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { configureLogger } from '@rookery/platform';
import { helpWhenAsked } from '@rookery/devkit/terminal/help';
import { Progress } from '@rookery/devkit/terminal/progress';
import { runToEnd } from '@rookery/devkit/terminal/program';
import { repository } from '@rookery/devkit/stack/repository';
import { StackError } from '@rookery/devkit/terminal/stack-error';
import { costBench } from './cost-bench';
import { overloadBench } from './overload-bench';
import { relayBench } from './relay-bench';
import type { Report } from './report';

/** Something that is measured, on servers of its own. */
export interface Bench {
  readonly name: string;
  readonly what: string;
  run(progress: Progress): Promise<Report>;
}

const benches: readonly Bench[] = [relayBench, costBench, overloadBench];

const USAGE = 'Usage: npm run bench -- [name …] [--list]';

/** `npm run bench`: all benches, or those that are named. */
async function main(): Promise<void> {
  const { list, chosen } = readCommandLine(process.argv.slice(2));
  if (list) {
    for (const { name, what } of benches) process.stdout.write(`${name.padEnd(12)} ${what}\n`);
    return;
  }
  configureLogger('bench', 'error');
  const progress = new Progress();
  const folder = join(repository, '.data/bench');
  mkdirSync(folder, { recursive: true });
  for (const bench of chosen) {
    progress.say(`${bench.name}: ${bench.what}`);
    const { json, markdown } = await bench.run(progress);
    writeFileSync(join(folder, `${bench.name}.json`), `${JSON.stringify(json, null, 2)}\n`);
    writeFileSync(join(folder, `${bench.name}.md`), markdown);
    process.stdout.write(`\n${markdown}\n`);
    progress.say(`report: ${join(folder, bench.name)}.md and .json`);
  }
}

function readCommandLine(args: readonly string[]): { readonly list: boolean; readonly chosen: readonly Bench[] } {
  helpWhenAsked(USAGE, args);
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { list: { type: 'boolean' } },
    });
    return { list: values.list ?? false, chosen: positionals.length === 0 ? benches : positionals.map(benchNamed) };
  } catch (error) {
    if (error instanceof StackError) throw error;
    throw new StackError(error instanceof Error ? error.message : String(error), USAGE);
  }
}

function benchNamed(name: string): Bench {
  const bench = benches.find((one) => one.name === name);
  if (bench === undefined) throw new StackError(`There is no bench ${name}.`, 'npm run bench -- --list');
  return bench;
}

await runToEnd(async () => {
  await main();
  return 0;
}, 1);
