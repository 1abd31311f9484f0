import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { EVENT_TOO_EARLY, type EventEnvelope } from '@rookery/contracts';
import { DomainError, type PassedEvents } from '@rookery/platform';
import { GroupCommit } from './group-commit';
import { InboxMetrics } from './inbox.metrics';
import { Retention } from './retention';
import { SERVICE_NAME } from './service-name';
import { SharedStatement } from './shared-statement';
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
  private readonly commit = new GroupCommit(this.unitOfWork, { reserved: true });
  private readonly recorded = new SharedStatement<InboxEvent, Standing>((tx, events) => this.record(tx, events));

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
    const standing = await this.commit.run(async (tx) => {
      const found = await this.recorded.run(tx, event);
      if (found === 'due') {
        await effect(tx);
      }
      return found;
    });
    if (standing === 'too-early') {
      throw new EventTooEarly(event.sequence);
    }
    if (standing === 'duplicate') {
      this.metrics.duplicates.inc();
    }
    return standing === 'due';
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

  /** Records those that are due. The time is the statement's, so that it reflects the order. */
  private async record(tx: EntityManager, events: readonly InboxEvent[]): Promise<readonly Standing[]> {
    const rows = await tx.query<{ event_id: string }[]>(RECORD, [
      this.consumer,
      events.map(({ id }) => id),
      events.map(({ aggregateId }) => aggregateId),
      events.map(({ sequence }) => sequence),
      events.map(({ skipsGap }) => skipsGap),
    ]);
    const due = new Set(rows.map((row) => row.event_id));
    const known = due.size === events.length ? new Set<string>() : await this.known(tx, events);
    return events.map((event) => {
      const id = event.id.toLowerCase();
      // Of deliveries of the same event the first one takes effect.
      return due.delete(id) ? 'due' : known.has(id) ? 'duplicate' : 'too-early';
    });
  }

  /** The ids of those that have been recorded. */
  private async known(tx: EntityManager, events: readonly InboxEvent[]): Promise<ReadonlySet<string>> {
    const rows = await tx.query<{ event_id: string }[]>(
      'SELECT event_id FROM inbox WHERE consumer = $1 AND event_id = ANY($2::uuid[])',
      [this.consumer, events.map(({ id }) => id)],
    );
    return new Set(rows.map((row) => row.event_id));
  }
}

/** Whether an event is to be processed. */
type Standing = 'due' | 'duplicate' | 'too-early';

/**
 * In the order of ids, so that two processes with the same events wait for each other once and not in a circle. The predecessor is looked up in a
 * scalar subquery: for an EXISTS, Postgres may read all records of the consumer.
 */
const RECORD = `INSERT INTO inbox (consumer, event_id, aggregate_id, sequence, processed_at)
  SELECT $1, id, aggregate_id, sequence, clock_timestamp()
  FROM unnest($2::uuid[], $3::uuid[], $4::integer[], $5::boolean[]) AS event (id, aggregate_id, sequence, skips_gap)
  WHERE skips_gap OR sequence = 1 OR (
    SELECT true FROM inbox WHERE consumer = $1 AND aggregate_id = event.aggregate_id AND sequence = event.sequence - 1 LIMIT 1)
  ORDER BY id
  ON CONFLICT ON CONSTRAINT inbox_pk DO NOTHING RETURNING event_id`;
