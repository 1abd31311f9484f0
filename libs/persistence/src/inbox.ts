import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { EVENT_TOO_EARLY, type EventEnvelope } from '@rookery/contracts';
import { DomainError, type PassedEvents } from '@rookery/platform';
import { InboxMetrics } from './inbox.metrics';
import { Retention } from './retention';
import { SERVICE_NAME } from './service-name';
import { UnitOfWork } from './unit-of-work';

/** Parameters: the retention in hours, the number of rows at most. */
export const DELETE_EXPIRED_RECORDS = `DELETE FROM inbox WHERE ctid IN (
  SELECT ctid FROM inbox WHERE processed_at < now() - make_interval(hours => $1) LIMIT $2)`;

/** The previous event of the same aggregate has not been processed yet. Nothing was done, and the event has to be delivered again. */
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

/** The part of an event that the inbox needs. */
export type InboxEvent = Pick<EventEnvelope, 'id' | 'aggregateId' | 'sequence' | 'skipsGap'>;

/**
 * Records the events that this service has processed. A repeated event takes effect once, and the events of one aggregate take effect in
 * order. Events without handler are recorded too (`pass`), so that they leave no gap.
 *
 * @example
 * await this.inbox.once(event, (tx) => this.reservations.reserve(tx, event.data));
 */
@Injectable()
export class Inbox implements PassedEvents {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    @Inject(SERVICE_NAME) private readonly consumer: string,
    private readonly metrics: InboxMetrics,
  ) {}

  /**
   * Runs the effect and records the event's id in one transaction. It uses a reserved connection, so that sagas in progress end before new
   * requests start. A parallel delivery waits for the outcome of the first one. Nothing is recorded when the effect throws.
   * @returns false, without effect, when the event had been processed before
   * @throws {EventTooEarly} while its predecessor has not been processed, unless the event has `skipsGap`
   */
  async once(event: InboxEvent, effect: (tx: EntityManager) => Promise<void>): Promise<boolean> {
    const processed = await this.unitOfWork.runReserved(async (tx) => {
      if (await this.record(tx, event)) {
        await effect(tx);
        return true;
      }
      if (await this.isRecorded(tx, event)) {
        return false;
      }
      throw new EventTooEarly(event.sequence);
    });
    if (!processed) {
      this.metrics.duplicates.inc();
    }
    return processed;
  }

  /**
   * Records an event without handler: once, in order, without effect.
   * @throws {EventTooEarly} like `once`
   */
  async pass(event: InboxEvent): Promise<void> {
    await this.once(event, () => Promise.resolve());
  }

  /**
   * Deletes records of events that can no longer be delivered, at most `limit` rows. The relay does the same in a service that publishes events;
   * a service that only consumes events calls this method.
   * @returns the number of deleted rows
   */
  async deleteExpired(limit: number): Promise<number> {
    const [, count] = await this.unitOfWork.manager.query<[unknown[], number]>(DELETE_EXPIRED_RECORDS, [
      Retention.inboxHours,
      limit,
    ]);
    return count;
  }

  /** Returns false when the event is a duplicate or too early. The time is the statement's, so that it reflects the order. */
  private async record(tx: EntityManager, { id, aggregateId, sequence, skipsGap }: InboxEvent): Promise<boolean> {
    const recorded = await tx.query<unknown[]>(
      `INSERT INTO inbox (consumer, event_id, aggregate_id, sequence, processed_at)
       SELECT $1, $2, $3::uuid, $4::integer, clock_timestamp()
       WHERE $5::boolean OR $4 = 1 OR EXISTS (SELECT FROM inbox WHERE consumer = $1 AND aggregate_id = $3 AND sequence = $4 - 1)
       ON CONFLICT ON CONSTRAINT inbox_pk DO NOTHING RETURNING event_id`,
      [this.consumer, id, aggregateId, sequence, skipsGap],
    );
    return recorded.length > 0;
  }

  private async isRecorded(tx: EntityManager, { id }: InboxEvent): Promise<boolean> {
    const sql = 'SELECT FROM inbox WHERE consumer = $1 AND event_id = $2';
    return (await tx.query<unknown[]>(sql, [this.consumer, id])).length > 0;
  }
}
