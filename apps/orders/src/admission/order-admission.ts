/** How far the saga has come, in one sample. */
export interface SagaProgress {
  /** Number of Pending orders younger than the newest order that completed the saga. */
  readonly waiting: number;
  /** Age of the oldest of them, in seconds; 0 when none waits. */
  readonly lagSeconds: number;
  /** Id of the newest order that completed the saga; null when none did lately. */
  readonly newestDone: string | null;
}

/** Why new orders are refused: earlier orders wait too long, their events have no room, or the broker stores none. */
export const RefusalReasons = ['saga-lag', 'stream-full', 'events-not-stored'] as const;
export type RefusalReason = (typeof RefusalReasons)[number];

/** When orders are refused. */
export interface AdmissionLimits {
  /** New orders are refused from this lag on, in seconds; they are admitted again below half of it. */
  readonly lagSeconds: number;
}

/** Fewer waiting orders than this are not a queue: one customer with a slow bank must not close the shop. */
const MIN_QUEUE = 20;
/** Fill level of the stream; the rest is kept for the events of orders already in progress. */
const STREAM_FILL = { refuseAt: 0.9, admitBelow: 0.8 } as const;

/**
 * Decides whether new orders are admitted. Orders in progress go first: new ones are refused while orders wait so long that a new one
 * would reach its deadline, while the stream has room only for orders in progress, or while it stores nothing. While no order completes
 * the saga, up to `MIN_QUEUE` may still wait in it: their progress shows when the saga continues.
 */
export class OrderAdmission {
  private progress: SagaProgress = { waiting: 0, lagSeconds: 0, newestDone: null };
  private admittedSinceSample = 0;
  private lagging: { readonly newestDone: string | null } | undefined;
  private full = false;
  private storing = true;

  constructor(private readonly limits: AdmissionLimits) {}

  /** Lag of the saga in the last sample, in seconds. */
  get lagSeconds(): number {
    return this.progress.lagSeconds;
  }

  get waiting(): number {
    return this.progress.waiting;
  }

  /** Starts a sample; `record` is given the result. Orders that are stored while it is read count for the next one too: it may not show them. */
  startSample(): number {
    return this.admittedSinceSample;
  }

  /** Records a sample of the saga's progress. */
  record(progress: SagaProgress, admittedBefore = this.admittedSinceSample): void {
    this.progress = progress;
    this.admittedSinceSample -= admittedBefore;
    const { lagSeconds, waiting, newestDone } = progress;
    if (this.lagging === undefined) {
      if (waiting >= MIN_QUEUE && lagSeconds >= this.limits.lagSeconds) {
        this.lagging = { newestDone };
      }
      return;
    }
    const continues = newestDone !== null && newestDone !== this.lagging.newestDone;
    if (continues && lagSeconds < this.limits.lagSeconds / 2) {
      this.lagging = undefined;
    }
  }

  /** Records how full the event stream is, 0..1, and whether it stores events. */
  recordStream(taken: number, storing: boolean): void {
    this.storing = storing;
    this.full = taken >= (this.full ? STREAM_FILL.admitBelow : STREAM_FILL.refuseAt);
  }

  /** Counts an order that was stored. */
  admitted(): void {
    this.admittedSinceSample += 1;
  }

  /** Why a new order is refused now; undefined when it is admitted. */
  refusal(): RefusalReason | undefined {
    if (this.full) {
      return 'stream-full';
    }
    if (!this.storing) {
      return 'events-not-stored';
    }
    if (this.lagging === undefined) {
      return undefined;
    }
    return this.progress.waiting + this.admittedSinceSample < MIN_QUEUE ? undefined : 'saga-lag';
  }
}
