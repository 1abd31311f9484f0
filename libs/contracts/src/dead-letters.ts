import { z } from 'zod';
import { EventConsumers } from './context-map';
import { Cursor, PageLimit, pageOf } from './page';
import { Count, Timestamp } from './primitives';
import { recordOf } from './record-of';
import { defineRpc } from './rpc';

/** The services that consume events and may therefore have dead letters, in the order in which these are listed. */
export const DeadLetterConsumers = EventConsumers;
export const DeadLetterConsumer = z.enum(DeadLetterConsumers).meta({ id: 'DeadLetterConsumer' });
export type DeadLetterConsumer = z.infer<typeof DeadLetterConsumer>;

/** `<consumer>-<position in its dead letters>`, for example `orders-17`; a position is never used twice. */
export const DeadLetterId = z
  .string()
  .regex(
    new RegExp(`^(${DeadLetterConsumers.join('|')})-[1-9][0-9]{0,14}$`),
    'must be the id of a dead letter, for example orders-17',
  );

/** The parts of a valid id. */
export function partsOfDeadLetterId(id: string): { readonly consumer: DeadLetterConsumer; readonly position: number } {
  const [consumer, position] = DeadLetterId.parse(id).split('-');
  return { consumer: DeadLetterConsumer.parse(consumer), position: Number(position) };
}

const letter = {
  id: DeadLetterId,
  consumer: DeadLetterConsumer,
  /** Name of the event; null when this build does not know its subject. */
  event: z.string().nullable(),
  type: z.string().nullable(),
  eventId: z.string().nullable(),
  aggregateId: z.string().nullable(),
  reason: z.string(),
  /** Number of handler attempts; 0 when the message could not be read. */
  attempts: Count,
  originalSubject: z.string(),
  originalStream: z.string(),
  originalSequence: Count,
  correlationId: z.string().nullable(),
  causationId: z.string().nullable(),
  /** When it became a dead letter. */
  at: Timestamp,
  /** Headers of the original message; secrets are redacted and long values truncated. */
  headers: z.record(z.string(), z.string()),
};

/** A message that a service could not handle, without its data. */
export const DeadLetterView = z.object(letter).meta({ id: 'DeadLetter' });
export type DeadLetterView = z.infer<typeof DeadLetterView>;

/** A dead letter with its data, in which tokens and passwords are redacted. */
export const DeadLetterDetail = z
  .object({
    ...letter,
    /** `base64` when the data is not JSON; `withheld` when it is large, or is not JSON and might contain a secret. */
    encoding: z.enum(['json', 'base64', 'withheld']),
    data: z.unknown(),
  })
  .meta({ id: 'DeadLetterDetail' });
export type DeadLetterDetail = z.infer<typeof DeadLetterDetail>;

export const DeadLetterPage = pageOf('DeadLetterPage', DeadLetterView);
export type DeadLetterPage = z.infer<typeof DeadLetterPage>;

/** Query string of `GET /v1/ops/dead-letters`. */
export const ListDeadLetters = z.strictObject({
  consumer: DeadLetterConsumer.optional(),
  limit: PageLimit.default(20),
  cursor: Cursor.optional(),
});
export type ListDeadLetters = z.infer<typeof ListDeadLetters>;

/** The outcome of a replay. A handled dead letter is deleted; one that failed again stays. */
export const DeadLetterReplay = z
  .object({
    id: DeadLetterId,
    outcome: z.enum(['handled', 'failed']),
    /** Code of the failure; null when it was handled. */
    reason: z.string().nullable(),
  })
  .meta({ id: 'DeadLetterReplay' });
export type DeadLetterReplay = z.infer<typeof DeadLetterReplay>;

/** Maximum number of dead letters in one response: a full page, and one more to detect a next page. */
export const MAX_LISTED_DEAD_LETTERS = 101;

const request = z.strictObject({ id: DeadLetterId });

const requestsOf = (service: DeadLetterConsumer) => ({
  list: defineRpc({
    service,
    name: 'list-dead-letters',
    kind: 'query',
    scopes: ['ops:read'],
    request: z.strictObject({ after: Count, limit: z.int().min(1).max(MAX_LISTED_DEAD_LETTERS) }),
    response: z.object({ items: z.array(DeadLetterView) }),
    summary: 'The service’s dead letters after a position, oldest first',
  }),
  show: defineRpc({
    service,
    name: 'show-dead-letter',
    kind: 'query',
    scopes: ['ops:read'],
    request,
    response: DeadLetterDetail,
    summary: 'One of the service’s dead letters with its data',
  }),
  replay: defineRpc({
    service,
    name: 'replay-dead-letter',
    kind: 'command',
    idempotency: 'key',
    scopes: ['ops:write'],
    request,
    response: DeadLetterReplay,
    summary: 'Handle a dead letter as if it were delivered again, under the same event id',
  }),
  discard: defineRpc({
    service,
    name: 'discard-dead-letter',
    kind: 'command',
    idempotency: 'natural',
    scopes: ['ops:write'],
    request,
    response: z.object({}),
    summary: 'Delete a dead letter without handling it',
  }),
});

/** The requests about dead letters, the same ones at each consuming service. */
export const DeadLetterRpc = recordOf(DeadLetterConsumers, requestsOf);
