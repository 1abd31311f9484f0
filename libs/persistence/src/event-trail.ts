import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { EventFacts } from '@rookery/contracts';
import { traceIdOf } from '@rookery/platform';
import { Retention } from './retention';
import { SERVICE_NAME } from './service-name';

interface OutboxRow {
  readonly id: string;
  readonly name: string;
  readonly at: Date;
  readonly publishedAt: Date | null;
  readonly causationId: string | null;
  readonly traceparent: string | null;
}

interface InboxRow {
  readonly eventId: string;
  readonly takenAt: Date | null;
}

/** Tells operators which events were published and processed. It only reads, and never the data of events. */
@Injectable()
export class EventTrail {
  constructor(@Inject(SERVICE_NAME) private readonly consumer: string) {}

  /**
   * Reads through indexes, as the given transaction sees the tables.
   * @param aggregateId whose events in the outbox are listed, oldest first; null for none
   * @param eventIds events to look up in the inbox: has this service processed them?
   */
  async read(tx: EntityManager, aggregateId: string | null, eventIds: readonly string[]): Promise<EventFacts> {
    const outbox = await this.outbox(tx, aggregateId);
    const inbox = await this.inbox(tx, eventIds);
    const notedSince = await this.notedSince(tx);
    return {
      outbox: outbox.map(({ at, publishedAt, traceparent, ...event }) => ({
        ...event,
        at: at.toISOString(),
        publishedAt: publishedAt?.toISOString() ?? null,
        traceId: traceIdOf(traceparent),
      })),
      inbox: inbox.map(({ eventId, takenAt }) => ({ eventId, takenAt: takenAt?.toISOString() ?? null })),
      notedSince: notedSince.toISOString(),
    };
  }

  private async notedSince(tx: EntityManager): Promise<Date> {
    const sql = 'SELECT now() - make_interval(hours => $1) AS since';
    const [row] = await tx.query<{ since: Date }[]>(sql, [Retention.inboxHours]);
    if (row === undefined) {
      throw new Error('the database did not return its time');
    }
    return row.since;
  }

  private async outbox(tx: EntityManager, aggregateId: string | null): Promise<OutboxRow[]> {
    if (aggregateId === null) {
      return [];
    }
    return tx.query<OutboxRow[]>(
      `SELECT event_id AS id, name, occurred_at AS at, published_at AS "publishedAt", causation_id AS "causationId", traceparent
       FROM outbox WHERE aggregate_id = $1 ORDER BY sequence`,
      [aggregateId],
    );
  }

  private async inbox(tx: EntityManager, eventIds: readonly string[]): Promise<InboxRow[]> {
    if (eventIds.length === 0) {
      return [];
    }
    return tx.query<InboxRow[]>(
      `SELECT asked.id AS "eventId", inbox.processed_at AS "takenAt"
       FROM unnest($2::uuid[]) AS asked (id) LEFT JOIN inbox ON inbox.consumer = $1 AND inbox.event_id = asked.id`,
      [this.consumer, eventIds],
    );
  }
}
