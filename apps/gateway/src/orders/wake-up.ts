/** Why a wait ended. */
export type WakeReason = 'changed' | 'elapsed' | 'closed';

/**
 * Lets one loop sleep until something changes, a time has passed, or it is over. A change that comes while nobody waits is kept,
 * so none is missed between two waits.
 */
export class WakeUp {
  private pending: 'changed' | undefined;
  private closed = false;
  private wake: ((reason: WakeReason) => void) | undefined;

  /** Something changed. */
  readonly notify = (): void => {
    if (this.wake === undefined) this.pending = 'changed';
    this.wake?.('changed');
  };

  /** It is over: this wait and all further ones end at once. */
  readonly close = (): void => {
    this.closed = true;
    this.wake?.('closed');
  };

  /** Sleeps for at most `timeoutMs` milliseconds and tells why it ended. One wait at a time. */
  async next(timeoutMs: number): Promise<WakeReason> {
    if (this.closed) return 'closed';
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
