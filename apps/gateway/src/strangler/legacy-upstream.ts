import { DomainError, logger } from '@rookery/platform';
import { BrokenCircuitError, circuitBreaker, CircuitState, handleWhen, SamplingBreaker } from 'cockatiel';
import { Agent, type Dispatcher } from 'undici';
import { ClientGone, LegacyFailed, LegacyUnavailable, LegacyUnreachable } from './legacy-errors';

/** Requests that one legacy system may have in hand, each on a connection of its own, until their answers are read to the end. */
export const MAX_IN_FLIGHT = 64;
const CONNECT_TIMEOUT_MS = 2_000;
/** An answer may pause for this long; a live stream has to say something in between. */
const IDLE_TIMEOUT_MS = 60_000;
const MAX_HEADER_BYTES = 16_384;
/** When nine of ten requests of the last ten seconds failed, of two a second at least, it is left alone for a second. */
const breakerRules = { threshold: 0.9, duration: 10_000, minimumRps: 2 };
const HALF_OPEN_AFTER_MS = 1_000;

/** One request to the legacy system. */
export interface LegacyRequest {
  readonly method: Dispatcher.HttpMethod;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
  /** Aborted by whoever no longer wants the answer, with the reason as a `DomainError`; stops the request wherever it is. */
  readonly signal: AbortSignal;
}

/**
 * One legacy system: its connections, a bulkhead and a circuit breaker. No retries and no redirects: whether a request may be made
 * twice is for its caller to know.
 */
export class LegacyUpstream {
  private inFlight = 0;
  private readonly agent = new Agent({
    connections: MAX_IN_FLIGHT,
    pipelining: 1,
    allowH2: false,
    connect: { timeout: CONNECT_TIMEOUT_MS },
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: IDLE_TIMEOUT_MS,
    bodyTimeout: IDLE_TIMEOUT_MS,
  });
  /** A client that goes away says nothing about the legacy system. */
  private readonly breaker = circuitBreaker(
    handleWhen((error) => !(error instanceof ClientGone)),
    {
      halfOpenAfter: HALF_OPEN_AFTER_MS,
      breaker: new SamplingBreaker(breakerRules),
    },
  );

  constructor(readonly origin: string) {
    this.breaker.onBreak(() => {
      logger.warn({ upstream: origin }, 'the circuit breaker of a legacy system opened');
    });
  }

  /**
   * Asks, and resolves when the answer's head is there; below 500. The place in the bulkhead is held until `finished`.
   * @throws LegacyUnavailable (503) unasked, LegacyUnreachable (502), LegacyFailed (its own 5xx), and the signal's reason
   */
  async ask(request: LegacyRequest, finished: AbortSignal): Promise<Dispatcher.ResponseData> {
    if (finished.aborted) throw new ClientGone();
    if (this.inFlight >= MAX_IN_FLIGHT) {
      throw new LegacyUnavailable('The system behind this address has as much to do as it can.');
    }
    this.inFlight += 1;
    finished.addEventListener('abort', () => (this.inFlight -= 1), { once: true });
    // The policy itself would let all wait for the one request that tries.
    if (this.breaker.state === CircuitState.HalfOpen) throw resting();
    try {
      return await this.breaker.execute(() => this.send(request));
    } catch (error) {
      throw error instanceof BrokenCircuitError ? resting() : error;
    }
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }

  private async send({ target, signal, ...request }: LegacyRequest): Promise<Dispatcher.ResponseData> {
    const answer = await this.reach({ ...request, path: target, signal });
    if (answer.statusCode < 500) return answer;
    const retryAfter = Number(answer.headers['retry-after']);
    // Read away, so that the connection can be used again.
    answer.body.dump().catch((error: unknown) => logger.debug({ err: error }, 'an error page was not read to its end'));
    throw new LegacyFailed(answer.statusCode, Number.isInteger(retryAfter) && retryAfter >= 0 ? retryAfter : undefined);
  }

  private async reach(
    request: Omit<Dispatcher.RequestOptions, 'origin' | 'signal'> & { readonly signal: AbortSignal },
  ): Promise<Dispatcher.ResponseData> {
    try {
      return await this.agent.request({ ...request, origin: this.origin });
    } catch (error) {
      const reason: unknown = request.signal.reason;
      if (reason instanceof DomainError) throw reason;
      logger.warn({ err: error, upstream: this.origin }, 'a legacy system gave no answer');
      throw new LegacyUnreachable({ cause: error });
    }
  }
}

const resting = (): LegacyUnavailable =>
  new LegacyUnavailable('The system behind this address has failed repeatedly and is being given time to recover.');
