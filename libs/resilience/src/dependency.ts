import { Deadline, DeadlineExceeded, fullJitter, logger, type Metrics } from '@rookery/platform';
import {
  BrokenCircuitError,
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  handleWhen,
  SamplingBreaker,
  type CircuitBreakerPolicy,
} from 'cockatiel';
import { setTimeout as sleep } from 'node:timers/promises';
import { timeForAnotherHop } from './deadline';
import { CircuitOpen, isFaultOf, NotTaken, RefusedCall, TooManyCalls } from './dependency-errors';
import { RetryBudget } from './retry-budget';
import { SharedLimit } from './shared-limit';

/** How a dependency is treated. */
export interface DependencyOptions {
  /** Calls that may wait for it at a time, 256 unless told; one kind of call may have as many as are free. */
  readonly maxInFlight?: number;
  /** Failures in a row that open the breaker; unless told it opens when more than four of five calls of the last 2 s failed, of 10 at least. */
  readonly opensAfter?: number;
  /** How long it is left alone before a single call tries whether it is back, milliseconds; 1 s unless told. */
  readonly halfOpenAfterMs?: number;
  /** What that single call may take, milliseconds; 2 s unless told. */
  readonly probeMs?: number;
}

/** One call of a dependency. */
export interface DependencyCall {
  /** What kind of call it is: calls of one kind never take all places. */
  readonly kind: string;
  /** By when it must have ended. */
  readonly deadline: Deadline;
  /** It changes nothing: when nobody took it, or who did refused this process, it is made once more. */
  readonly repeatable: boolean;
}

/** A call without an answer says nothing of the dependency when it waited for less than this. */
const FAIR_MS = 1_000;
/** A service that just restarts needs about this long to be there again. */
const RETRY_WITHIN_MS = 200;

const REJECTIONS = ['breaker', 'bulkhead', 'deadline'] as const;

const stateNumbers: Readonly<Record<CircuitState, number>> = {
  [CircuitState.Closed]: 0,
  [CircuitState.HalfOpen]: 1,
  [CircuitState.Open]: 2,
  [CircuitState.Isolated]: 2,
};

/** Nobody took the call, or who did refused its caller. */
const nothingHappened = (error: unknown): boolean => error instanceof NotTaken || error instanceof RefusedCall;

/** An error that is no sign for or against the dependency, on its way around the breaker. */
class NoSign extends Error {
  constructor(readonly error: unknown) {
    super();
  }
}

const faults = handleWhen((error) => !(error instanceof NoSign));

type Outcome<T> = { readonly value: T } | { readonly refusal: unknown };

/**
 * Something this process calls and that may fail on its own: one circuit breaker and one bulkhead for all calls of it. From the outside to the
 * inside: retry, breaker, bulkhead, deadline. A fallback is the caller's, around `call`.
 */
export class Dependency {
  private readonly breaker: CircuitBreakerPolicy;
  private readonly places: SharedLimit;
  private readonly budget = new RetryBudget();
  private readonly halfOpenAfterMs: number;
  private readonly probeMs: number;
  /** Counts the breaker's changes: what was begun before one says nothing about the time after it. */
  private epoch = 0;

  constructor(
    readonly name: string,
    private readonly metrics: Metrics,
    options: DependencyOptions = {},
  ) {
    const { maxInFlight = 256, opensAfter, halfOpenAfterMs = 1_000, probeMs = 2_000 } = options;
    this.places = new SharedLimit(maxInFlight);
    this.halfOpenAfterMs = halfOpenAfterMs;
    this.probeMs = probeMs;
    this.breaker = circuitBreaker(faults, {
      halfOpenAfter: halfOpenAfterMs,
      breaker:
        opensAfter === undefined
          ? new SamplingBreaker({ threshold: 0.8, duration: 2_000, minimumRps: 5 })
          : new ConsecutiveBreaker(opensAfter),
    });
    this.breaker.onStateChange((state) => this.changed(state));
    metrics.dependencyBreaker.set({ dependency: name }, 0);
    for (const outcome of ['answered', 'failed']) metrics.dependencyCalls.inc({ dependency: name, outcome }, 0);
    for (const reason of REJECTIONS) metrics.dependencyRejections.inc({ dependency: name, reason }, 0);
  }

  /**
   * Makes the call; `work` gets the deadline it must end by, which may be earlier than the call's.
   * Throws what `work` throws, `CircuitOpen` and `TooManyCalls` (503) and `DeadlineExceeded` (504) when it was not begun.
   */
  async call<T>(work: (deadline: Deadline) => Promise<T>, call: DependencyCall): Promise<T> {
    if (!call.repeatable) return this.throughBreaker(work, call);
    this.budget.earn();
    const waitMs = fullJitter(RETRY_WITHIN_MS);
    try {
      return await this.throughBreaker(work, call);
    } catch (error) {
      if (!nothingHappened(error) || !timeForAnotherHop(call.deadline, waitMs)) throw error;
      const again = this.budget.spend();
      this.metrics.dependencyRetries.inc({ dependency: this.name, outcome: again ? 'sent' : 'over-budget' });
      if (!again) throw error;
    }
    await sleep(waitMs);
    return this.throughBreaker(work, call);
  }

  private async throughBreaker<T>(work: (deadline: Deadline) => Promise<T>, call: DependencyCall): Promise<T> {
    if (!timeForAnotherHop(call.deadline)) {
      this.count('deadline');
      throw new DeadlineExceeded('Too little time is left for this request; it was not started.');
    }
    // The policy itself would let them all wait for the one call that tries.
    if (this.breaker.state === CircuitState.HalfOpen) throw this.open();
    try {
      const outcome = await this.breaker.execute(() => this.throughBulkhead(work, call));
      if ('value' in outcome) return outcome.value;
      throw outcome.refusal;
    } catch (error) {
      if (error instanceof BrokenCircuitError) throw this.open();
      throw error instanceof NoSign ? error.error : error;
    }
  }

  private async throughBulkhead<T>(
    work: (deadline: Deadline) => Promise<T>,
    call: DependencyCall,
  ): Promise<Outcome<T>> {
    const probing = this.breaker.state === CircuitState.HalfOpen;
    // Calls from before may still hold all places.
    if (probing) this.places.take(call.kind);
    else if (!this.places.enter(call.kind)) {
      this.count('bulkhead');
      throw new NoSign(new TooManyCalls(this.name));
    }
    this.metrics.dependencyInFlight.inc({ dependency: this.name });
    const { epoch } = this;
    const startedAt = performance.now();
    let outcome = 'answered';
    const deadline = probing ? Deadline.earliest(call.deadline, Deadline.in(this.probeMs)) : undefined;
    try {
      return { value: await work(deadline ?? call.deadline) };
    } catch (error) {
      // Also when it is no sign for the breaker: no answer came, however little time it had.
      if (isFaultOf(this.name, error)) outcome = 'failed';
      const early = error instanceof DeadlineExceeded && performance.now() - startedAt < FAIR_MS;
      if (!probing && (early || epoch !== this.epoch)) throw new NoSign(error);
      if (isFaultOf(this.name, error)) throw error;
      return { refusal: error };
    } finally {
      this.places.leave(call.kind);
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

  private changed(state: CircuitState): void {
    this.epoch += 1;
    this.metrics.dependencyBreaker.set({ dependency: this.name }, stateNumbers[state]);
    if (state === CircuitState.Open)
      logger.warn({ dependency: this.name }, 'the circuit breaker of a dependency opened');
    if (state === CircuitState.Closed) logger.info({ dependency: this.name }, 'the circuit breaker closed again');
  }
}
