import { InvalidArgumentError } from 'commander';

// #region part:chaos+fuzz
/** Largest seed, as fast-check takes it. */
export const MAX_SEED = 2 ** 31 - 1;
// #endregion part:chaos+fuzz

/** Parser of an option whose value is a whole number; both ends included. */
export const wholeNumber =
  (from: number, to: number) =>
  (text: string): number => {
    const value = Number(text);
    if (text !== '' && Number.isInteger(value) && value >= from && value <= to) {
      return value;
    }
    throw new InvalidArgumentError(`It must be a whole number from ${from} to ${to}.`);
  };

// #region part:chaos
/** Parser of a range such as `1-20`: every number from the first to the last. */
export function range(text: string): readonly number[] {
  const [, from, to] = /^(\d+)-(\d+)$/.exec(text) ?? [];
  const [first, last] = [Number(from), Number(to)];
  if (!(last >= first && last - first < 1_000 && last <= MAX_SEED)) {
    throw new InvalidArgumentError('It must be two numbers such as 1-20, at most a thousand apart.');
  }
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** Parser of a list such as `poison,stall`. */
export const list = (text: string): readonly string[] => text.split(',');
// #endregion part:chaos

// #region part:chaos+fuzz
/** A seed that differs from run to run. */
export const anySeed = (): number => Date.now() % 1_000_000;
// #endregion part:chaos+fuzz
