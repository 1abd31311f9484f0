import { Inject, Injectable } from '@nestjs/common';
import { EVENT_TOO_EARLY, type EventEnvelope } from '@rookery/contracts';
import { DomainError, type PassedEvents } from '@rookery/platform';
import type { EntityManager } from 'typeorm';
import { InboxMetrics } from './inbox.metrics';
import { Retention } from './retention';
import { SERVICE_NAME } from './service-name';
import { UnitOfWork } from './unit-of-work';

/** The event before it, of the same aggregate, has not been taken yet. Nothing was done; it is to be delivered again. */
export class EventTooEarly extends DomainError {
  constructor(sequence: number) {
    super({
      status: 409,
      code: EVENT_TOO_EARLY,
      title: 'Too early',
      detail: `event ${sequence - 1} of the aggregate comes first`,
    });
  }
}

/** What the inbox needs to know of an event. */
export type InboxEvent = Pick<EventEnvelope, 'id' | 'aggregateId' | 'sequence' | 'overtakes'>;

/**
 * What this service has already consumed: makes an event that is delivered several times take effect once, and those of one
 * aggregate in their order. What a service has no handler for is noted too (`pass`): it is no gap.
 */
@Injectable()
export class Inbox implements PassedEvents {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    @Inject(SERVICE_NAME) private readonly consumer: string,
    private readonly metrics: InboxMetrics,
  ) {}

  /**
   * Runs the effect and notes the event's id in one transaction, on a reserved connection: what was begun comes to its end before
   * new requests. Returns false, with no effect, when the event had been noted; a parallel delivery waits for the first one's
   * outcome. When the effect throws, nothing is noted.
   * Throws EventTooEarly while its predecessor is not noted, unless the event `overtakes`.
   */
  async once(event: InboxEvent, effect: (tx: EntityManager) => Promise<void>): Promise<boolean> {
    const taken = await this.unitOfWork.runReserved(async (tx) => {
      if (await this.note(tx, event)) {
        await effect(tx);
        return true;
      }
      if (await this.isNoted(tx, event)) return false;
      throw new EventTooEarly(event.sequence);
    });
    if (!taken) this.metrics.duplicates.inc();
    return taken;
  }

  /** Notes an event that this service does not handle: once, in its turn, with no effect. Throws EventTooEarly like `once`. */
  async pass(event: InboxEvent): Promise<void> {
    await this.once(event, () => Promise.resolve());
  }

  /**
   * Forgets what can no longer be delivered, so many rows at most; returns how many it were. The relay does the same for a service that
   * publishes events; one that only consumes them calls this.
   */
  async forgetOld(limit: number): Promise<number> {
    const [, count] = await this.unitOfWork.manager.query<[unknown[], number]>(
      `DELETE FROM inbox WHERE ctid IN (
         SELECT ctid FROM inbox WHERE processed_at < now() - make_interval(hours => $1) LIMIT $2)`,
      [Retention.notedHours, limit],
    );
    return count;
  }

  /** Returns false when it is noted already or may not be noted yet. The time is the statement's, so that it tells the order. */
  private async note(tx: EntityManager, { id, aggregateId, sequence, overtakes }: InboxEvent): Promise<boolean> {
    const noted = await tx.query<unknown[]>(
      `INSERT INTO inbox (consumer, event_id, aggregate_id, sequence, processed_at)
       SELECT $1, $2, $3::uuid, $4::integer, clock_timestamp()
       WHERE $5::boolean OR $4 = 1 OR EXISTS (SELECT FROM inbox WHERE consumer = $1 AND aggregate_id = $3 AND sequence = $4 - 1)
       ON CONFLICT ON CONSTRAINT inbox_pk DO NOTHING RETURNING event_id`,
      [this.consumer, id, aggregateId, sequence, overtakes],
    );
    return noted.length > 0;
  }

  private async isNoted(tx: EntityManager, { id }: InboxEvent): Promise<boolean> {
    const sql = 'SELECT FROM inbox WHERE consumer = $1 AND event_id = $2';
    return (await tx.query<unknown[]>(sql, [this.consumer, id])).length > 0;
  }
}
