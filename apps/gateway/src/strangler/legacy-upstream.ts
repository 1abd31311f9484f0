import { BrokenCircuitError, circuitBreaker, CircuitState, handleWhen, SamplingBreaker } from 'cockatiel';
import { Agent, type Dispatcher } from 'undici';
import { DomainError, logger } from '@rookery/platform';
import { ClientGone, LegacyFailed, LegacyUnavailable, LegacyUnreachable } from './legacy-errors';

/** Requests in flight per legacy system, each on its own connection, until their responses are read completely. */
export const MAX_IN_FLIGHT = 64;
const CONNECT_TIMEOUT_MS = 2_000;
/** Longest pause within a response; a live stream must send something in between. */
const IDLE_TIMEOUT_MS = 60_000;
const MAX_HEADER_BYTES = 16_384;
/** Opens for a second when 90 % of the requests of the last ten seconds failed, of at least two per second. */
const BREAKER_RULES = { threshold: 0.9, duration: 10_000, minimumRps: 2 };
const HALF_OPEN_AFTER_MS = 1_000;

/** One request to the legacy system. */
export interface LegacyRequest {
  readonly method: Dispatcher.HttpMethod;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
  /** Cancels the request at any stage; the reason is a `DomainError`. */
  readonly signal: AbortSignal;
}

/**
 * One legacy system: its connections, a bulkhead and a circuit breaker. No retries and no redirects: only the caller knows whether a
 * request may be repeated.
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
  /** A client that leaves says nothing about the legacy system. */
  private readonly breaker = circuitBreaker(
    handleWhen((error) => !(error instanceof ClientGone)),
    {
      halfOpenAfter: HALF_OPEN_AFTER_MS,
      breaker: new SamplingBreaker(BREAKER_RULES),
    },
  );

  constructor(readonly origin: string) {
    this.breaker.onBreak(() => {
      logger.warn({ upstream: origin }, 'circuit breaker of a legacy system opened');
    });
  }

  /**
   * Resolves with the head of a response below 500. The slot of the bulkhead is held until `finished`.
   * @throws {LegacyUnavailable} without asking, when the bulkhead is full or the breaker open (503)
   * @throws {LegacyUnreachable} without a valid response (502)
   * @throws {LegacyFailed} with its own 5xx; a cancellation throws the signal's reason
   */
  async ask(request: LegacyRequest, finished: AbortSignal): Promise<Dispatcher.ResponseData> {
    if (finished.aborted) {
      throw new ClientGone();
    }
    if (this.inFlight >= MAX_IN_FLIGHT) {
      throw new LegacyUnavailable('The system behind this address is at its concurrency limit.');
    }
    this.inFlight += 1;
    finished.addEventListener('abort', () => (this.inFlight -= 1), { once: true });
    // The policy itself would let every request wait for the probe.
    if (this.breaker.state === CircuitState.HalfOpen) {
      throw breakerOpen();
    }
    try {
      return await this.breaker.execute(() => this.send(request));
    } catch (error) {
      throw error instanceof BrokenCircuitError ? breakerOpen() : error;
    }
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }

  private async send({ target, signal, ...request }: LegacyRequest): Promise<Dispatcher.ResponseData> {
    const answer = await this.reach({ ...request, path: target, signal });
    if (answer.statusCode < 500) {
      return answer;
    }
    const retryAfter = Number(answer.headers['retry-after']);
    // Drained, so that the connection can be reused.
    answer.body.dump().catch((error: unknown) => logger.debug({ err: error }, 'an error page was not drained'));
    throw new LegacyFailed(answer.statusCode, Number.isInteger(retryAfter) && retryAfter >= 0 ? retryAfter : undefined);
  }

  private async reach(
    request: Omit<Dispatcher.RequestOptions, 'origin' | 'signal'> & { readonly signal: AbortSignal },
  ): Promise<Dispatcher.ResponseData> {
    try {
      return await this.agent.request({ ...request, origin: this.origin });
    } catch (error) {
      const reason: unknown = request.signal.reason;
      if (reason instanceof DomainError) {
        throw reason;
      }
      logger.warn({ err: error, upstream: this.origin }, 'no response from a legacy system');
      throw new LegacyUnreachable({ cause: error });
    }
  }
}

const breakerOpen = (): LegacyUnavailable =>
  new LegacyUnavailable('The system behind this address has failed repeatedly and is being given time to recover.');
