import { setTimeout as sleep } from 'node:timers/promises';
import {
  BrokenCircuitError,
  circuitBreaker,
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  handleWhen,
  SamplingBreaker,
} from 'cockatiel';
import { Deadline, DeadlineExceeded, fullJitter, logger, type Metrics } from '@rookery/platform';
import { timeForAnotherHop } from './deadline';
import { CircuitOpen, isFaultOf, NoResponder, RefusedCall, TooManyCalls } from './dependency-errors';
import { DynamicThresholdLimit } from './dynamic-threshold-limit';
import { RetryBudget } from './retry-budget';

/** Limits of a `Dependency`. */
export interface DependencyOptions {
  /**
   * Concurrent calls; one kind of call may hold as many slots as are free.
   * @default 256
   */
  readonly maxInFlight?: number;
  /**
   * Consecutive failures that open the breaker.
   * @default undefined: it opens when more than 80 % of the calls of the last 2 s failed, of at least 10
   */
  readonly opensAfter?: number;
  /**
   * How long the breaker stays open before one call probes the dependency, milliseconds.
   * @default 1_000
   */
  readonly halfOpenAfterMs?: number;
  /**
   * Timeout of that probe, milliseconds.
   * @default 2_000
   */
  readonly probeMs?: number;
}

/** One call of a dependency. */
export interface DependencyCall {
  /** Calls of one kind never take all slots of the bulkhead. */
  readonly kind: string;
  /** When the call must have ended. */
  readonly deadline: Deadline;
  /** The call is read-only: after `NoResponder` or `RefusedCall` it is retried once. */
  readonly repeatable: boolean;
}

/** A timeout after less time than this is not counted against the dependency. */
const FAIR_TIMEOUT_MS = 1_000;
/** A restarting service is back after about this time. */
const RETRY_WITHIN_MS = 200;

const REJECTIONS = ['breaker', 'bulkhead', 'deadline'] as const;

const BREAKER_STATE_VALUES: Readonly<Record<CircuitState, number>> = {
  [CircuitState.Closed]: 0,
  [CircuitState.HalfOpen]: 1,
  [CircuitState.Open]: 2,
  [CircuitState.Isolated]: 2,
};

/** The call had no effect: no instance received it, or the one that did rejected this process. */
const hadNoEffect = (error: unknown): boolean => error instanceof NoResponder || error instanceof RefusedCall;

/** Wraps an error that the breaker must not count, neither as a success nor as a failure. */
class IgnoredByBreaker extends Error {
  constructor(readonly error: unknown) {
    super();
  }
}

const faults = handleWhen((error) => !(error instanceof IgnoredByBreaker));

type Outcome<T> = { readonly value: T } | { readonly refusal: unknown };

/**
 * Something that this process calls and that can fail on its own. All its calls share one circuit breaker and one bulkhead. The
 * policies from the outside to the inside: retry, breaker, bulkhead, deadline. A fallback is up to the caller, around `call`.
 *
 * @example
 * const products = new Dependency('products', metrics, { maxInFlight: 64 });
 * const page = await products.call((deadline) => fetchPage(deadline), {
 *   kind: 'products.list',
 *   deadline: Deadline.in(2_000),
 *   repeatable: true,
 * });
 */
export class Dependency {
  private readonly breaker: CircuitBreakerPolicy;
  private readonly bulkhead: DynamicThresholdLimit;
  private readonly budget = new RetryBudget();
  private readonly halfOpenAfterMs: number;
  private readonly probeMs: number;
  /** Counts the breaker's state changes: the result of a call from before a change is ignored after it. */
  private epoch = 0;

  constructor(
    readonly name: string,
    private readonly metrics: Metrics,
    options: DependencyOptions = {},
  ) {
    const { maxInFlight = 256, opensAfter, halfOpenAfterMs = 1_000, probeMs = 2_000 } = options;
    this.bulkhead = new DynamicThresholdLimit(maxInFlight);
    this.halfOpenAfterMs = halfOpenAfterMs;
    this.probeMs = probeMs;
    this.breaker = circuitBreaker(faults, {
      halfOpenAfter: halfOpenAfterMs,
      breaker:
        opensAfter === undefined
          ? new SamplingBreaker({ threshold: 0.8, duration: 2_000, minimumRps: 5 })
          : new ConsecutiveBreaker(opensAfter),
    });
    this.breaker.onStateChange((state) => this.onStateChange(state));
    metrics.dependencyBreaker.set({ dependency: name }, 0);
    for (const outcome of ['answered', 'failed']) {
      metrics.dependencyCalls.inc({ dependency: name, outcome }, 0);
    }
    for (const reason of REJECTIONS) {
      metrics.dependencyRejections.inc({ dependency: name, reason }, 0);
    }
  }

  /**
   * Calls the dependency. `work` receives its deadline, which may be earlier than the call's, and its errors are passed on.
   * @throws {CircuitOpen} when the breaker is open (503)
   * @throws {TooManyCalls} when the bulkhead is full (503)
   * @throws {DeadlineExceeded} when too little time is left to start the call (504)
   */
  async call<T>(work: (deadline: Deadline) => Promise<T>, call: DependencyCall): Promise<T> {
    if (!call.repeatable) {
      return this.throughBreaker(work, call);
    }
    this.budget.earn();
    const waitMs = fullJitter(RETRY_WITHIN_MS);
    try {
      return await this.throughBreaker(work, call);
    } catch (error) {
      if (!hadNoEffect(error) || !timeForAnotherHop(call.deadline, waitMs)) {
        throw error;
      }
      const again = this.budget.spend();
      this.metrics.dependencyRetries.inc({ dependency: this.name, outcome: again ? 'sent' : 'over-budget' });
      if (!again) {
        throw error;
      }
    }
    await sleep(waitMs);
    return this.throughBreaker(work, call);
  }

  private async throughBreaker<T>(work: (deadline: Deadline) => Promise<T>, call: DependencyCall): Promise<T> {
    if (!timeForAnotherHop(call.deadline)) {
      this.count('deadline');
      throw new DeadlineExceeded('Too little time is left for this request; it was not started.');
    }
    // The policy itself would let every call wait for the probe.
    if (this.breaker.state === CircuitState.HalfOpen) {
      throw this.open();
    }
    try {
      const outcome = await this.breaker.execute(() => this.throughBulkhead(work, call));
      if ('value' in outcome) {
        return outcome.value;
      }
      throw outcome.refusal;
    } catch (error) {
      if (error instanceof BrokenCircuitError) {
        throw this.open();
      }
      throw error instanceof IgnoredByBreaker ? error.error : error;
    }
  }

  private async throughBulkhead<T>(
    work: (deadline: Deadline) => Promise<T>,
    call: DependencyCall,
  ): Promise<Outcome<T>> {
    const probing = this.breaker.state === CircuitState.HalfOpen;
    // Earlier calls may still hold all slots.
    if (probing) {
      this.bulkhead.acquire(call.kind);
    } else if (!this.bulkhead.tryAcquire(call.kind)) {
      this.count('bulkhead');
      throw new IgnoredByBreaker(new TooManyCalls(this.name));
    }
    this.metrics.dependencyInFlight.inc({ dependency: this.name });
    const { epoch } = this;
    const startedAt = performance.now();
    let outcome = 'answered';
    const deadline = probing ? Deadline.earliest(call.deadline, Deadline.in(this.probeMs)) : undefined;
    try {
      return { value: await work(deadline ?? call.deadline) };
    } catch (error) {
      // The metric also counts what the breaker ignores: no response came, however short the timeout was.
      if (isFaultOf(this.name, error)) {
        outcome = 'failed';
      }
      const early = error instanceof DeadlineExceeded && performance.now() - startedAt < FAIR_TIMEOUT_MS;
      if (!probing && (early || epoch !== this.epoch)) {
        throw new IgnoredByBreaker(error);
      }
      if (isFaultOf(this.name, error)) {
        throw error;
      }
      return { refusal: error };
    } finally {
      this.bulkhead.release(call.kind);
      this.metrics.dependencyInFlight.dec({ dependency: this.name });
      this.metrics.dependencyCalls.inc({ dependency: this.name, outcome });
    }
  }

  private open(): CircuitOpen {
    this.count('breaker');
    return new CircuitOpen(this.name, Math.ceil(this.halfOpenAfterMs / 1_000));
  }

  private count(reason: (typeof REJECTIONS)[number]): void {
    this.metrics.dependencyRejections.inc({ dependency: this.name, reason });
  }

  private onStateChange(state: CircuitState): void {
    this.epoch += 1;
    this.metrics.dependencyBreaker.set({ dependency: this.name }, BREAKER_STATE_VALUES[state]);
    if (state === CircuitState.Open) {
      logger.warn({ dependency: this.name }, 'circuit breaker opened');
    }
    if (state === CircuitState.Closed) {
      logger.info({ dependency: this.name }, 'circuit breaker closed');
    }
  }
}
