import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DomainError, logger, Metrics, refuse, refuseEarly } from '@rookery/platform';
import { AdaptiveLimit, EventLoopDelay, LoadShedder, Priorities, type Admission } from '@rookery/resilience';
import type { FastifyReply } from 'fastify';
import { Counter } from 'prom-client';
import { isBehindTls, type GatewayConfig } from '../gateway.config';
import { classOf, priorityOf } from './route-class';

/** Answers that take less than this on average need not be faster: below it the limit only grows. */
const FAST_MS = 60;
/** Clients are asked to come back after 1 to 3 s: not all at once. */
const LONGEST_RETRY_SECONDS = 3;

/** Refusals have no log line of their own, but one for those of a second. */
const SAID_EVERY_MS = 1_000;

/** Made once: refusing has to cost next to nothing, and an error takes its stack along. */
const overloaded = new DomainError({
  status: 503,
  code: 'gateway.overloaded',
  title: 'Overloaded',
  detail: 'The system is over capacity. Nothing was done; try again after Retry-After seconds.',
}).toProblem();

/**
 * Refuses requests as soon as more come than can be answered in time, before the token is looked at: reads first, placing orders last,
 * probes and metrics never. Documents are reads: no rate limit counts them, and they cost more than others. A request is in hand from when
 * all of it has come: who sends slowly takes no place and seems no slow answer. Call it before the routes are made.
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
  refuseFlood(app, config, shedder, shed);
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
      refuse(request, reply, { ...overloaded, retryAfterSeconds: retryAfterSeconds() });
    }
  });
  // A legacy system may answer any route with a live stream, which is in hand no longer than ours are.
  fastify.addHook('onSend', (_request, reply, payload, done) => {
    if (isLiveStream(reply)) admissions.get(reply)?.ended();
    done(null, payload);
  });
}

const isLiveStream = (reply: FastifyReply): boolean =>
  /^text\/event-stream\b/i.test(String(reply.getHeader('content-type')));

/** What the hook above would refuse, long before it: a flood is refused at a fraction of what its answers would cost. */
function refuseFlood(
  app: NestFastifyApplication,
  config: GatewayConfig,
  shedder: LoadShedder,
  shed: Counter<'priority' | 'reason'>,
): void {
  const said = { count: 0 };
  const saying = setInterval(() => {
    if (said.count > 0) logger.warn({ refused: said.count }, 'more is asked for than can be answered in time');
    said.count = 0;
  }, SAID_EVERY_MS).unref();
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onClose', () => clearInterval(saying));
  refuseEarly(app, {
    behindTls: isBehindTls(config),
    judge: ({ method = '', url = '', headers }) => {
      // Nearly always: where nothing of the lowest priority is refused, nothing is.
      if (shedder.refusal('low') === undefined) return undefined;
      // The answer to a browser application on another origin needs more than this.
      if (config.CORS_ORIGINS.length > 0 && headers.origin !== undefined) return undefined;
      const priority = priorityOf(method, url);
      const reason = priority === undefined ? undefined : shedder.refusal(priority);
      if (priority === undefined || reason === undefined) return undefined;
      said.count += 1;
      shed.inc({ priority, reason });
      return { ...overloaded, retryAfterSeconds: retryAfterSeconds() };
    },
  });
}

const retryAfterSeconds = (): number => 1 + Math.floor(Math.random() * LONGEST_RETRY_SECONDS);

/** `close` comes when the answer is out, and also when the client has gone before. */
function endWith(reply: FastifyReply, admission: Admission): void {
  reply.raw.once('close', () => {
    const { writableFinished, statusCode } = reply.raw;
    // A refusal is quick and says nothing about the load; that there was no answer in time says much.
    if (writableFinished && (statusCode < 400 || statusCode === 504)) admission.answered();
    else admission.ended();
  });
}

function countShed(metrics: Metrics, shedder: LoadShedder, delay: EventLoopDelay): Counter<'priority' | 'reason'> {
  metrics.gauge('load_shedding_limit', 'Requests that may be in hand at a time', () => shedder.limit);
  metrics.gauge('load_shedding_in_flight', 'Requests in hand, without live streams', () => shedder.inFlight);
  metrics.gauge(
    'load_shedding_event_loop_delay_seconds',
    'How late the event loop is, mean over half a second',
    () => delay.ms / 1_000,
  );
  const shed = new Counter({
    name: 'load_shedding_shed_total',
    help: 'Requests refused because there is too much to do, by priority and reason (limit, event-loop)',
    labelNames: ['priority', 'reason'],
    registers: [metrics.registry],
  });
  for (const priority of Priorities) {
    for (const reason of ['limit', 'event-loop']) shed.inc({ priority, reason }, 0);
  }
  return shed;
}
