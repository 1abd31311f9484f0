import { Random } from '@rookery/devkit/client/random';

/** When orders arrive, by a Poisson process. */
export interface Arrivals {
  readonly perSecond: number;
  readonly seconds: number;
  /** The same seed gives the same times; with another rate, the same times stretched. */
  readonly seed: number;
}

/** Times of arrival in ms from the beginning, ascending. Gaps are exponential: one customer does not know of another. */
export function arrivalTimes({ perSecond, seconds, seed }: Arrivals): readonly number[] {
  const random = new Random(seed);
  const times: number[] = [];
  const gap = (): number => (-1_000 * Math.log(1 - random.next())) / perSecond;
  for (let at = gap(); at < seconds * 1_000; at += gap()) {
    times.push(at);
  }
  return times;
}
