import { printFailure } from './progress';
import { StackError } from './stack-error';

/** As `helpWhenAsked`, for a program that takes no arguments: whoever gives one wants something else than what it would do. */
export function takesNoArguments(usage: string, args: readonly string[] = process.argv.slice(2)): void {
  helpWhenAsked(usage, args);
  if (args.length === 0) return;
  printFailure(new StackError(`There is no argument ${args.join(' ')}.`, usage));
  process.exit(1);
}

/** Says how a program is called, and ends it, when that is what was asked for. */
export function helpWhenAsked(usage: string, args: readonly string[] = process.argv.slice(2)): void {
  if (!args.includes('--help') && !args.includes('-h')) return;
  process.stdout.write(`${usage}\n`);
  process.exit(0);
}
