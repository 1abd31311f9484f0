import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply } from 'fastify';
import { Counter } from 'prom-client';
import { DomainError, logger, Metrics, reject, rejectEarly } from '@rookery/platform';
import { AdaptiveLimit, type Admission, EventLoopDelay, LoadShedder, Priorities } from '@rookery/resilience';
import { type GatewayConfig, isBehindTls } from '../gateway.config';
import { isEventStream } from '../live-stream';
import { classOf, priorityOf } from './route-class';

/** Latencies below this are always tolerated: below it the limit only grows. */
const FAST_MS = 60;
/** Clients are asked to retry after 1 to 3 s, so that they do not all return at once. */
const LONGEST_RETRY_SECONDS = 3;

/** Shed requests are logged in one line per second. */
const LOG_EVERY_MS = 1_000;

/** Created once: shedding must cost almost nothing, and each error would capture a stack. */
const OVERLOADED_PROBLEM = new DomainError({
  status: 503,
  code: 'gateway.overloaded',
  title: 'Overloaded',
  detail: 'The system is over capacity. The request had no effect. Retry it after Retry-After seconds.',
}).toProblem();

/**
 * Sheds requests as soon as more arrive than can be answered in time, before the token is verified: reads first, orders last, probes
 * and metrics never. The API documents count as reads: no rate limit covers them, and they are expensive. A request is in flight
 * only after all of it has arrived, so a slow upload holds no slot and does not count as a slow response. Call this before the
 * routes are registered.
 */
export function shedLoad(app: NestFastifyApplication, config: GatewayConfig): void {
  const delay = new EventLoopDelay();
  const shedder = new LoadShedder({
    limit: new AdaptiveLimit({
      min: config.LOAD_SHEDDING_MIN_IN_FLIGHT,
      max: config.LOAD_SHEDDING_MAX_IN_FLIGHT,
      floorMs: FAST_MS,
    }),
    eventLoopDelayMs: () => delay.ms,
    allowedDelayMs: config.LOAD_SHEDDING_EVENT_LOOP_DELAY_MS,
  });
  const shed = countShed(app.get(Metrics), shedder, delay);
  const fastify = app.getHttpAdapter().getInstance();
  shedEarly(app, config, shedder, shed);
  fastify.addHook('onClose', () => delay.stop());
  const admissions = new WeakMap<FastifyReply, Admission>();
  fastify.addHook('preValidation', (request, reply, done) => {
    const { method, routeOptions } = request;
    const route = classOf(method, routeOptions.url);
    if (route === undefined) {
      done();
      return;
    }
    const { priority, isStream } = route;
    const decision = isStream
      ? { shed: shedder.refusal(priority) }
      : shedder.admit(priority, `${method} ${routeOptions.url ?? ''}`);
    if ('admitted' in decision) {
      admissions.set(reply, decision.admitted);
      endWith(reply, decision.admitted);
      done();
    } else if (decision.shed === undefined) {
      done();
    } else {
      shed.inc({ priority, reason: decision.shed });
      reject(request, reply, { ...OVERLOADED_PROBLEM, retryAfterSeconds: retryAfterSeconds() });
    }
  });
  // A live stream is not counted as in flight, whichever route answers with it.
  fastify.addHook('onSend', (_request, reply, payload, done) => {
    if (isEventStream(reply.getHeader('content-type'))) {
      admissions.get(reply)?.ended();
    }
    done(null, payload);
  });
}

/** Sheds what the hook above would shed, long before it: a flood is rejected at a fraction of the cost of its responses. */
function shedEarly(
  app: NestFastifyApplication,
  config: GatewayConfig,
  shedder: LoadShedder,
  shed: Counter<'priority' | 'reason'>,
): void {
  const unlogged = { count: 0 };
  const logging = setInterval(() => {
    if (unlogged.count > 0) {
      logger.warn({ shed: unlogged.count }, 'shedding load: more requests than can be answered in time');
    }
    unlogged.count = 0;
  }, LOG_EVERY_MS).unref();
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onClose', () => clearInterval(logging));
  rejectEarly(app, {
    behindTls: isBehindTls(config),
    judge: ({ method = '', url = '', headers }) => {
      // The common case: when the lowest priority is not shed, nothing is.
      if (shedder.refusal('low') === undefined) {
        return undefined;
      }
      // A response to a browser application of another origin needs CORS headers.
      if (config.CORS_ORIGINS.length > 0 && headers.origin !== undefined) {
        return undefined;
      }
      const priority = priorityOf(method, url);
      const reason = priority === undefined ? undefined : shedder.refusal(priority);
      if (priority === undefined || reason === undefined) {
        return undefined;
      }
      unlogged.count += 1;
      shed.inc({ priority, reason });
      return { ...OVERLOADED_PROBLEM, retryAfterSeconds: retryAfterSeconds() };
    },
  });
}

const retryAfterSeconds = (): number => 1 + Math.floor(Math.random() * LONGEST_RETRY_SECONDS);

/** `close` is emitted when the response has been sent, and also when the client has left earlier. */
function endWith(reply: FastifyReply, admission: Admission): void {
  reply.raw.once('close', () => {
    const { writableFinished, statusCode } = reply.raw;
    // A rejection is fast and says nothing about the load; a timeout does.
    if (writableFinished && (statusCode < 400 || statusCode === 504)) {
      admission.answered();
    } else {
      admission.ended();
    }
  });
}

function countShed(metrics: Metrics, shedder: LoadShedder, delay: EventLoopDelay): Counter<'priority' | 'reason'> {
  metrics.gauge('load_shedding_limit', 'Requests that may be in flight at a time', () => shedder.limit);
  metrics.gauge('load_shedding_in_flight', 'Requests in flight, without live streams', () => shedder.inFlight);
  metrics.gauge(
    'load_shedding_event_loop_delay_seconds',
    'Delay of the event loop, mean over half a second',
    () => delay.ms / 1_000,
  );
  const shed = new Counter({
    name: 'load_shedding_shed_total',
    help: 'Requests shed under overload, by priority and reason (limit, event-loop)',
    labelNames: ['priority', 'reason'],
    registers: [metrics.registry],
  });
  for (const priority of Priorities) {
    for (const reason of ['limit', 'event-loop']) {
      shed.inc({ priority, reason }, 0);
    }
  }
  return shed;
}
