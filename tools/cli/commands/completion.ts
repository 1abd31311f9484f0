import { Argument, type Command } from 'commander';
import { completionOf, type Shell, SHELLS } from '../completion';
import { buildProgram } from '../program';
import { commands } from '../registry';
import { type Run, running } from '../run';

export function addCompletion(parent: Command): void {
  parent
    .command('completion')
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .addHelpText(
      'after',
      "\nFor example in ~/.bashrc: alias rookery='npx rookery'; source <(npx rookery completion bash)",
    )
    .action(running(completion));
}

async function completion(_run: Run, shell: Shell): Promise<undefined> {
  process.stdout.write(completionOf(await buildProgram(commands, process), shell));
}
