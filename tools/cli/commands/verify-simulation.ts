import type { Command } from 'commander';
import { JEST, runChild } from '../child';
import { type Run, running } from '../run';

export function addVerifySimulation(parent: Command): void {
  parent
    .command('simulation')
    .addHelpText('after', '\nNeeds no server. A violation is printed as the shortest schedule that shows it.')
    .action(running(simulation));
}

const simulation = (run: Run): Promise<number> =>
  runChild(run, process.execPath, [...JEST, 'tools/verify/simulation/saga.spec.ts']);
