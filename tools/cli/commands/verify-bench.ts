import type { Command } from 'commander';
import { DONE } from '../exit-codes';
import { type Run, running } from '../run';

export function addVerifyBench(parent: Command): void {
  parent
    .command('bench')
    .argument('[names...]', 'benches to run, for example relay or overload; all by default')
    .option('--list', 'print the benches')
    .option(
      '--against <ref>',
      'a commit whose system is measured by turns with this one (benches orders, latency, peers and memory)',
    )
    .option(
      '--quick',
      'a run of less than two minutes beside two peers; 1 when a ratio has halved since it was recorded',
    )
    .option(
      '--record',
      'write the report to docs/results too, with date, commit and machine; with --quick, record the ratios',
    )
    .addHelpText('after', '\nEach bench starts servers of its own. Reports go to .data/bench.')
    .action(running(bench));
}

interface BenchArguments {
  readonly against?: string;
  readonly list?: true;
  readonly quick?: true;
  readonly record?: true;
}

async function bench({ progress }: Run, names: readonly string[], options: BenchArguments): Promise<number> {
  const { printBenches, runBenches } = await import('@rookery/verify/bench/bench');
  if (options.list === true) {
    printBenches();
  } else {
    await runBenches(names, progress, options);
  }
  return DONE;
}
