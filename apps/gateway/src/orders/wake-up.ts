/** Why a wait ended. */
export type WakeReason = 'changed' | 'elapsed' | 'closed';

/**
 * Lets one loop sleep until something changes, a time has passed, or it is closed. A change between two waits ends the next one at once,
 * so that none is missed.
 */
export class WakeUp {
  private pending: 'changed' | undefined;
  private closed = false;
  private wake: ((reason: WakeReason) => void) | undefined;

  /** Ends the current wait, or the next one, as changed. */
  readonly notify = (): void => {
    if (this.wake === undefined) {
      this.pending = 'changed';
    }
    this.wake?.('changed');
  };

  /** Ends this wait and all further ones immediately. */
  readonly close = (): void => {
    this.closed = true;
    this.wake?.('closed');
  };

  /** Sleeps for at most `timeoutMs` milliseconds and returns why it ended. One wait at a time. */
  async next(timeoutMs: number): Promise<WakeReason> {
    if (this.closed) {
      return 'closed';
    }
    if (this.pending !== undefined) {
      this.pending = undefined;
      return 'changed';
    }
    const { promise, resolve } = Promise.withResolvers<WakeReason>();
    const timer = setTimeout(resolve, timeoutMs, 'elapsed');
    this.wake = resolve;
    const reason = await promise;
    this.wake = undefined;
    clearTimeout(timer);
    return reason;
  }
}
