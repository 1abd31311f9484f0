import { parseArgs } from 'node:util';
import { helpWhenAsked } from '@rookery/devkit/terminal/help';
import { StackError } from '@rookery/devkit/terminal/stack-error';

/** What `npm run fuzz` was asked for. */
export interface CommandLine {
  readonly seed: number;
  readonly cases: number;
  readonly from: number;
}

const MOST = 2 ** 31 - 1;
const USAGE = 'Usage: npm run fuzz -- [--seed 1] [--cases 10000] [--from 0]';

/** Reads the arguments; throws a StackError that says what is wrong with them. */
export function readCommandLine(args: readonly string[]): CommandLine {
  helpWhenAsked(USAGE, args);
  const { seed = String(Date.now() % 1_000_000), cases = '10000', from = '0' } = parsed(args);
  return {
    seed: whole('--seed', seed, 0),
    cases: whole('--cases', cases, 1),
    from: whole('--from', from, 0),
  };
}

function parsed(args: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({ args: [...args], options: { seed: text, cases: text, from: text } }).values;
  } catch (error) {
    throw new StackError(error instanceof Error ? error.message : String(error), USAGE);
  }
}

function whole(name: string, text: string, least: number): number {
  const value = Number(text);
  if (text !== '' && Number.isInteger(value) && value >= least && value <= MOST) return value;
  throw new StackError(`${name} must be a whole number from ${least} to ${MOST}, not ${text}.`, USAGE);
}
