import type { AdaptiveLimit } from './adaptive-limit';

/** Who keeps its place longest when there is too much to do, first to last. */
export const Priorities = ['high', 'normal', 'low'] as const;
export type Priority = (typeof Priorities)[number];

/** Why a request was refused: as many are in hand as may be, or the event loop is late. */
export type ShedReason = 'limit' | 'event-loop';

/**
 * Share of the limit that requests up to this priority may fill: the rest is kept for what is more important. High ones may exceed it,
 * for it may have fallen below what is in hand just now.
 */
const SHARES: Readonly<Record<Priority, number>> = { high: 1.5, normal: 0.9, low: 0.8 };

/** How many times the delay that is allowed the event loop may be late before requests of this priority are refused. */
const PATIENCE: Readonly<Record<Priority, number>> = { high: 4, normal: 2, low: 1 };

/** A request that was let in. End it once, by one of the two. */
export interface Admission {
  /** It was answered, and what that took tells something about the load. */
  answered(): void;
  /** It is over, and what it took tells nothing: refused further in, or nobody waited for the answer. */
  ended(): void;
}

/** What became of a request at the door. */
export type Decision = { readonly admitted: Admission } | { readonly shed: ShedReason };

/** What a `LoadShedder` goes by. */
export interface LoadShedderOptions {
  readonly limit: AdaptiveLimit;
  /** How late the event loop is now, in ms. */
  readonly eventLoopDelayMs: () => number;
  /** How late it may be before reads are refused, in ms. */
  readonly allowedDelayMs: number;
  /** Milliseconds that only go forward. */
  readonly now?: () => number;
}

/**
 * Lets requests in or refuses them at once, by their priority: low ones may fill four fifths of the adaptive limit, normal ones nine
 * tenths, high ones one and a half times as much. What is refused has cost next to nothing; what is let in is answered in time.
 */
export class LoadShedder {
  private readonly now: () => number;
  private count = 0;

  constructor(private readonly options: LoadShedderOptions) {
    this.now = options.now ?? (() => performance.now());
  }

  /** Requests let in that are not over. */
  get inFlight(): number {
    return this.count;
  }

  get limit(): number {
    return this.options.limit.limit;
  }

  /** Why a request of that priority would be refused now; undefined when it would be let in. */
  refusal(priority: Priority): ShedReason | undefined {
    const { eventLoopDelayMs, allowedDelayMs } = this.options;
    if (eventLoopDelayMs() > allowedDelayMs * PATIENCE[priority]) return 'event-loop';
    return this.count >= Math.max(1, Math.floor(this.limit * SHARES[priority])) ? 'limit' : undefined;
  }

  /** Decides about a request; `kind` names those that take about as long as each other. */
  admit(priority: Priority, kind: string): Decision {
    const shed = this.refusal(priority);
    if (shed !== undefined) return { shed };
    this.count += 1;
    const inFlight = this.count;
    const begunAt = this.now();
    let over = false;
    const end = (): boolean => {
      if (over) return false;
      over = true;
      this.count -= 1;
      return true;
    };
    return {
      admitted: {
        answered: () => {
          if (end()) this.options.limit.observe(kind, this.now() - begunAt, inFlight);
        },
        ended: () => void end(),
      },
    };
  }
}
