/** How far the saga has come, as one look shows it. */
export interface SagaProgress {
  /** Orders that are Pending and younger than the newest one that went all the way. */
  readonly waiting: number;
  /** Age of the oldest of them, in seconds; 0 when none waits. */
  readonly lagSeconds: number;
  /** The newest order that went all the way; null when none did lately. */
  readonly newestDone: string | null;
}

/** Why no orders are taken: those before wait too long, their events have no room, or the broker stores none. */
export const RefusalReasons = ['saga-lag', 'stream-full', 'events-not-stored'] as const;
export type RefusalReason = (typeof RefusalReasons)[number];

/** When orders are refused. */
export interface IntakeLimits {
  /** Refused from this lag on, in seconds; taken again below half of it. */
  readonly lagSeconds: number;
}

/** Fewer than this are no queue: one customer with a slow bank does not close the shop. */
const FEW = 20;
/** Share of the stream that is kept for the events of orders that were begun. */
const STREAM_TAKEN = { refuses: 0.9, takesAgain: 0.8 } as const;

/**
 * Decides whether new orders are taken. What was begun goes first: when orders wait so long that a new one would come to its deadline,
 * or the stream has room only for those that were begun or stores nothing, new ones are refused until that is better. While no order goes all the way,
 * a few are let in nevertheless, as many as may wait: their way shows when the saga goes on.
 */
export class OrderIntake {
  private progress: SagaProgress = { waiting: 0, lagSeconds: 0, newestDone: null };
  private takenSinceLook = 0;
  private lagging: { readonly newestDone: string | null } | undefined;
  private full = false;
  private storing = true;

  constructor(private readonly limits: IntakeLimits) {}

  /** How far the saga was behind at the last look, in seconds. */
  get lagSeconds(): number {
    return this.progress.lagSeconds;
  }

  get waiting(): number {
    return this.progress.waiting;
  }

  /** Takes note of a look at the saga. */
  note(progress: SagaProgress): void {
    this.progress = progress;
    this.takenSinceLook = 0;
    const { lagSeconds, waiting, newestDone } = progress;
    if (this.lagging === undefined) {
      if (waiting >= FEW && lagSeconds >= this.limits.lagSeconds) this.lagging = { newestDone };
      return;
    }
    const goesOn = newestDone !== null && newestDone !== this.lagging.newestDone;
    if (goesOn && lagSeconds < this.limits.lagSeconds / 2) this.lagging = undefined;
  }

  /** Takes note of how full the stream of events is, 0..1, and whether it stores any. */
  noteStream(taken: number, storing: boolean): void {
    this.storing = storing;
    this.full = taken >= (this.full ? STREAM_TAKEN.takesAgain : STREAM_TAKEN.refuses);
  }

  /** An order was taken. */
  taken(): void {
    this.takenSinceLook += 1;
  }

  /** Why a new order is refused now; undefined when it is taken. */
  refusal(): RefusalReason | undefined {
    if (this.full) return 'stream-full';
    if (!this.storing) return 'events-not-stored';
    if (this.lagging === undefined) return undefined;
    return this.progress.waiting + this.takenSinceLook < FEW ? undefined : 'saga-lag';
  }
}
