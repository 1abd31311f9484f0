import { parseArgs } from 'node:util';
import { helpWhenAsked } from '@rookery/devkit/terminal/help';
import { StackError } from '@rookery/devkit/terminal/stack-error';
import type { Fault } from './faults/fault';
import { faults } from './faults/faults';

export interface CommandLine {
  /** One run each. */
  readonly seeds: readonly [number, ...number[]];
  readonly seconds: number;
  readonly rate: number;
  readonly faults: readonly [Fault, ...Fault[]];
  readonly keep: boolean;
  readonly list: boolean;
}

const MOST = 2 ** 31;
const USAGE =
  'Usage: npm run chaos -- [--seed 1 | --seeds 1-20] [--seconds 60] [--rate 30] [--faults service-crash,poison] [--list] [--keep]';

/** Reads the arguments; throws a StackError that says what is wrong with them. */
export function readCommandLine(args: readonly string[]): CommandLine {
  helpWhenAsked(USAGE, args);
  const { values } = parsed(args);
  const { seed, seeds, seconds, rate, keep = false, list = false } = values;
  return {
    seeds: seeds === undefined ? [whole('--seed', seed ?? String(Date.now() % 1_000_000), 0, MOST)] : range(seeds),
    seconds: whole('--seconds', seconds ?? '60', 1, 3_600),
    rate: whole('--rate', rate ?? '30', 1, 1_000),
    faults: faultsNamed(values.faults?.split(',') ?? faults.map(({ name }) => name)),
    keep,
    list,
  };
}

function parsed(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({
      args: [...args],
      options: { seed: text, seeds: text, seconds: text, rate: text, faults: text, keep: flag, list: flag },
    });
  } catch (error) {
    throw new StackError(error instanceof Error ? error.message : String(error), USAGE);
  }
}

/** `1-20`: both ends included. */
function range(text: string): readonly [number, ...number[]] {
  const [from = '', to = '', ...more] = text.split('-');
  if (more.length > 0 || to === '') throw new StackError(`--seeds must be two numbers like 1-20, not ${text}.`, USAGE);
  const first = whole('--seeds', from, 0, MOST);
  const last = whole('--seeds', to, first, first + 999);
  return [first, ...Array.from({ length: last - first }, (_, index) => first + 1 + index)];
}

function whole(name: string, text: string, from: number, to: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= from && value <= to) return value;
  throw new StackError(`${name} must be a whole number from ${from} to ${to}, not ${text}.`, USAGE);
}

/** The faults of these names; throws a StackError when there is none of a name. */
export function faultsNamed(names: readonly string[]): readonly [Fault, ...Fault[]] {
  const [first, ...others] = names.map((name) => {
    const fault = faults.find((one) => one.name === name);
    if (fault === undefined) throw new StackError(`There is no fault ${name}.`, 'npm run chaos -- --list');
    return fault;
  });
  if (first === undefined) throw new StackError('--faults names no fault.', USAGE);
  return [first, ...others];
}
