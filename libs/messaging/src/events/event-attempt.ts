import type { JsMsg } from '@nats-io/jetstream';
import { type MessageHandler, NatsContext, RpcException } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import { EVENT_TOO_EARLY, type EventEnvelope } from '@rookery/contracts';
import { Deadline, logger, type Metrics, runInContext, toProblem } from '@rookery/platform';
import { contextOf } from '../message/message-context';
import { PERMANENT_FAILURE } from './permanent-failure';

/** Deadline of one attempt, for the calls that observe the context's deadline. */
const ATTEMPT_TIMEOUT_MS = 30_000;

/** Outcome of an attempt at an event, and the code of its failure. */
export interface Attempt {
  readonly end: 'done' | 'failed' | 'failed-for-good' | 'too-early';
  readonly code: string | undefined;
}

/** Labels of `end` in metrics and logs. */
const outcomes = { done: 'ack', failed: 'retry', 'failed-for-good': 'dead-letter', 'too-early': 'too-early' } as const;

/** An early event is normal and is tried repeatedly: debug level. */
const levels = { done: 'info', failed: 'warn', 'failed-for-good': 'warn', 'too-early': 'debug' } as const;

/** Runs a handler in the context of its event, and counts and logs the outcome. Never rejects. */
export async function attemptEvent(
  metrics: Metrics,
  handler: MessageHandler,
  message: Pick<JsMsg, 'subject' | 'headers'>,
  event: EventEnvelope,
): Promise<Attempt> {
  const started = performance.now();
  const context = contextOf(message.headers, { causationId: event.id, deadline: Deadline.in(ATTEMPT_TIMEOUT_MS) });
  return runInContext(context, async () => {
    let end: Attempt['end'] = 'done';
    let code: string | undefined;
    try {
      const returned: unknown = await handler(event, new NatsContext([message.subject, message.headers]));
      if (isObservable(returned)) {
        await lastValueFrom(returned, { defaultValue: undefined });
      }
    } catch (error) {
      ({ code } = toProblem(error instanceof RpcException ? error.getError() : error));
      end = code === PERMANENT_FAILURE ? 'failed-for-good' : code === EVENT_TOO_EARLY ? 'too-early' : 'failed';
    }
    const durationMs = performance.now() - started;
    const outcome = outcomes[end];
    metrics.eventHandler.observe({ event: event.name, outcome }, durationMs / 1000);
    const { id, name, aggregateId, sequence } = event;
    logger[levels[end]](
      {
        event: name,
        id,
        aggregateId,
        sequence,
        attempt: event.attempt,
        outcome,
        code,
        durationMs: Math.round(durationMs),
      },
      'event',
    );
    return { end, code };
  });
}
