import type { AdaptiveLimit } from './adaptive-limit';

/** Priorities of requests under overload; low ones are shed first. */
export const Priorities = ['high', 'normal', 'low'] as const;
export type Priority = (typeof Priorities)[number];

/** Why a request was shed: the concurrency limit is reached, or the event loop is late. */
export type ShedReason = 'limit' | 'event-loop';

/**
 * Share of the limit that requests of this priority and below may fill; the rest is reserved for more important ones. High ones may
 * exceed the limit, because it may have fallen below the number of requests in flight.
 */
const SHARES: Readonly<Record<Priority, number>> = { high: 1.5, normal: 0.9, low: 0.8 };

/** Multiple of the allowed event loop delay at which requests of this priority are shed. */
const DELAY_FACTORS: Readonly<Record<Priority, number>> = { high: 4, normal: 2, low: 1 };

/** An admitted request. Call exactly one of the two methods, once. */
export interface Admission {
  /** It was answered; its latency is a sample for the limit. */
  answered(): void;
  /** It ended without a meaningful latency: rejected later, or the client left. */
  ended(): void;
}

/** Whether a request is admitted. */
export type Decision = { readonly admitted: Admission } | { readonly shed: ShedReason };

/** Inputs of a `LoadShedder`. */
export interface LoadShedderOptions {
  readonly limit: AdaptiveLimit;
  /** The present delay of the event loop, milliseconds. */
  readonly eventLoopDelayMs: () => number;
  /** Delay at which low-priority requests are shed, milliseconds. */
  readonly allowedDelayMs: number;
  /**
   * Monotonic time, milliseconds.
   * @default performance.now
   */
  readonly now?: () => number;
}

/**
 * Admits or sheds requests by priority: low ones may fill four fifths of the adaptive limit, normal ones nine tenths, and high ones
 * one and a half times the limit. A shed request costs almost nothing; an admitted one is answered in time.
 *
 * @example
 * const decision = shedder.admit('low', 'products.list');
 * if ('shed' in decision) throw new Overloaded();
 * // … answer the request …
 * decision.admitted.answered();
 */
export class LoadShedder {
  private readonly now: () => number;
  private count = 0;

  constructor(private readonly options: LoadShedderOptions) {
    this.now = options.now ?? (() => performance.now());
  }

  /** Admitted requests that have not ended. */
  get inFlight(): number {
    return this.count;
  }

  get limit(): number {
    return this.options.limit.limit;
  }

  /** Why a request of this priority would be shed now; undefined when it would be admitted. */
  refusal(priority: Priority): ShedReason | undefined {
    const { eventLoopDelayMs, allowedDelayMs } = this.options;
    if (eventLoopDelayMs() > allowedDelayMs * DELAY_FACTORS[priority]) {
      return 'event-loop';
    }
    return this.count >= Math.max(1, Math.floor(this.limit * SHARES[priority])) ? 'limit' : undefined;
  }

  /** Decides about a request; requests of one `kind` have similar latencies. */
  admit(priority: Priority, kind: string): Decision {
    const shed = this.refusal(priority);
    if (shed !== undefined) {
      return { shed };
    }
    this.count += 1;
    const inFlight = this.count;
    const startedAt = this.now();
    let ended = false;
    const end = (): boolean => {
      if (ended) {
        return false;
      }
      ended = true;
      this.count -= 1;
      return true;
    };
    return {
      admitted: {
        answered: () => {
          if (end()) {
            this.options.limit.observe(kind, this.now() - startedAt, inFlight);
          }
        },
        ended: () => void end(),
      },
    };
  }
}
