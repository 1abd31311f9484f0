import { backoff, withJitter } from '@rookery/platform';
import { KeyedSignal } from '../concurrency/keyed-signal';

/** Waits between two checks whether another instance has handled the predecessor. */
const CHECK = { firstMs: 50, longestMs: 1_000 } as const;

/** Lets an event wait for its predecessor of the same aggregate, outside of the aggregate's queue. */
export class GapWait {
  private readonly processed = new KeyedSignal();

  constructor(
    private readonly timeoutMs: number,
    private readonly closing: AbortSignal,
  ) {}

  /**
   * Repeats `attempt` until it resolves to true: when another event of the aggregate was processed, and from time to time. `skipsGap`
   * says whether the gap timeout has passed. It counts from the first early attempt, not from the arrival, which may be long before.
   */
  async untilProcessed(aggregate: string, attempt: (skipsGap: () => boolean) => Promise<boolean>): Promise<void> {
    let skipsGapAt = Infinity;
    const skipsGap = (): boolean => performance.now() >= skipsGapAt;
    for (let early = 1; !(await attempt(skipsGap)); early += 1) {
      skipsGapAt = Math.min(skipsGapAt, performance.now() + this.timeoutMs);
      await this.processed.next(aggregate, withJitter(backoff(early, CHECK)), this.closing);
    }
    this.processed.notify(aggregate);
  }
}
