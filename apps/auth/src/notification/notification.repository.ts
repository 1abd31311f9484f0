import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { z } from 'zod';
import {
  CancellationReason,
  type EventEnvelope,
  type EventOf,
  type Money,
  type OrderCreated,
} from '@rookery/contracts';
import { Retention } from '@rookery/persistence';
import type { OrderNews } from './order-mail';

/** A mail that a worker has leased to send it. */
export interface Notification {
  /** Id of its event. */
  readonly id: string;
  readonly orderId: string;
  readonly news: OrderNews;
  readonly total: Money;
  /** Null if the customer's account is disabled. */
  readonly to: string | null;
  readonly correlationId: string;
  readonly occurredAt: Date;
  /** When it was leased, by the database's clock. */
  readonly leasedAt: Date;
  /** Attempt number, starting at 1. */
  readonly attempts: number;
}

/** Waiting mails. */
export interface Backlog {
  readonly mails: number;
  readonly ageSeconds: number;
}

/** Final state of a mail. */
export type Ending = 'sent' | 'refused' | 'expired' | 'no-account';

type Facts = Pick<EventEnvelope, 'id' | 'time' | 'correlationId'>;

interface Row extends Omit<Notification, 'news' | 'total'> {
  readonly kind: OrderNews['kind'];
  readonly reason: string | null;
  readonly totalMinor: string;
  readonly currency: string;
}

const INSERT =
  'INSERT INTO notifications (event_id, order_id, kind, reason, user_id, total_minor, currency, correlation_id, occurred_at, next_attempt_at)';

/** Due mails, and those of the last days. */
@Injectable()
export class NotificationRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** Adds the mail about a new order, due immediately; false if the customer has no account here. */
  async addPlaced(tx: EntityManager, event: EventOf<typeof OrderCreated>): Promise<boolean> {
    const { orderId, customerId, total } = event.data;
    // Subjects of other issuers, and clients that place orders for themselves, have no account.
    if (!z.guid().safeParse(customerId).success) {
      return false;
    }
    return this.add(
      tx,
      `${INSERT} SELECT $1, $2, 'placed', NULL, id, $4, $5, $6, $7, now() FROM users WHERE id = $3 AND NOT disabled`,
      [event.id, orderId, customerId, total.amountMinor, total.currency, event.correlationId, event.time],
    );
  }

  /** Adds the mail about the end of an order, due immediately; false if there was none about its placement. */
  async addEnded(
    tx: EntityManager,
    { id, time, correlationId }: Facts,
    orderId: string,
    { kind, reason }: OrderNews,
  ): Promise<boolean> {
    return this.add(
      tx,
      `${INSERT} SELECT $1, order_id, $3, $4, user_id, total_minor, currency, $5, $6, now()
       FROM notifications WHERE order_id = $2 AND kind = 'placed'`,
      [id, orderId, kind, reason, correlationId, time],
    );
  }

  /**
   * Leases mails that are due by the database's clock. Parallel workers get different mails. If a worker dies, its mails can be claimed
   * again when the lease ends. The mail about the placement of an order comes before the one about its end.
   */
  async claim(limit: number, leaseMs: number): Promise<Notification[]> {
    const rows = await this.dataSource.query<Row[]>(
      `WITH due AS (
         SELECT event_id FROM notifications n WHERE next_attempt_at <= now() AND (kind = 'placed' OR (
           SELECT true FROM notifications placed WHERE placed.order_id = n.order_id AND placed.kind = 'placed' AND placed.status = 'due' LIMIT 1) IS NULL)
         ORDER BY next_attempt_at LIMIT $1 FOR UPDATE SKIP LOCKED
       ), claimed AS (
         UPDATE notifications n SET next_attempt_at = now() + make_interval(secs => $2), attempts = n.attempts + 1
         FROM due WHERE n.event_id = due.event_id RETURNING n.*
       )
       SELECT c.event_id AS id, c.order_id AS "orderId", c.kind, c.reason, c.total_minor AS "totalMinor", c.currency,
              CASE WHEN NOT u.disabled THEN u.email END AS "to", c.correlation_id AS "correlationId",
              c.occurred_at AS "occurredAt", now() AS "leasedAt", c.attempts
       FROM claimed c JOIN users u ON u.id = c.user_id`,
      [limit, leaseMs / 1_000],
    );
    return rows.map(notificationOf);
  }

  /** Schedules the next attempt, unless the mail was claimed by another worker or has ended in the meantime. */
  async postpone({ id, attempts }: Notification, delayMs: number): Promise<void> {
    await this.dataSource.query(
      `UPDATE notifications SET next_attempt_at = now() + make_interval(secs => $3) WHERE event_id = $1 AND attempts = $2 AND status = 'due'`,
      [id, attempts, delayMs / 1_000],
    );
  }

  /** Records the final state. */
  async end({ id }: Notification, ending: Ending): Promise<void> {
    await this.dataSource.query(
      `UPDATE notifications SET status = $2, next_attempt_at = NULL, finished_at = now() WHERE event_id = $1 AND status = 'due'`,
      [id, ending],
    );
  }

  /** The number of waiting mails and the age of the oldest one; 0 without any. */
  async backlog(): Promise<Backlog> {
    const [backlog] = await this.dataSource.query<Backlog[]>(
      `SELECT count(*)::int AS mails, coalesce(extract(epoch FROM now() - min(occurred_at)), 0)::float8 AS "ageSeconds"
       FROM notifications WHERE next_attempt_at IS NOT NULL`,
    );
    return backlog ?? { mails: 0, ageSeconds: 0 };
  }

  /** Removes mails whose events can no longer be redelivered. */
  async deleteExpired(): Promise<void> {
    await this.dataSource.query('DELETE FROM notifications WHERE occurred_at < now() - make_interval(hours => $1)', [
      Retention.inboxHours,
    ]);
  }

  /** An order has one mail of each kind, even if a restored service publishes the event again under another id. */
  private async add(tx: EntityManager, insert: string, values: readonly unknown[]): Promise<boolean> {
    const sql = `${insert} ON CONFLICT DO NOTHING RETURNING event_id`;
    return (await tx.query<unknown[]>(sql, [...values])).length > 0;
  }
}

const notificationOf = ({ kind, reason, totalMinor, currency, ...row }: Row): Notification => ({
  ...row,
  news: kind === 'canceled' ? { kind, reason: CancellationReason.parse(reason) } : { kind, reason: null },
  total: { amountMinor: Number(totalMinor), currency },
});
