import { jetstream } from '@nats-io/jetstream';
import type { MsgHdrs } from '@nats-io/nats-core';
import type { DataSource } from 'typeorm';
import type { StoredEvent } from '@rookery/contracts';
import { EventPublisher, type Nats } from '@rookery/messaging';

/** A message as the broker gets it. */
export interface ReadyMessage {
  readonly id: string;
  readonly subject: string;
  readonly headers: MsgHdrs;
  readonly data: string;
}

/** As many as the relay has on their way. */
const AT_A_TIME = 100;

/** The ceiling: messages that are ready, no database, no order. */
export async function barePublisher(nats: Nats, messages: readonly ReadyMessage[]): Promise<void> {
  const client = jetstream(nats.connection);
  const waiting = messages.values();
  const lane = async (): Promise<void> => {
    for (const { id, subject, headers, data } of waiting) {
      await client.publish(subject, data, { msgID: id, headers });
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, lane));
}

/** The floor: what is written first and keeps its order by doing one thing at a time. */
export async function naiveRelay(database: DataSource, nats: Nats, rows: number): Promise<void> {
  const publisher = new EventPublisher(nats);
  for (let done = 0; done < rows; done += 1) {
    await database.transaction(async (tx) => {
      const [row] = await tx.query<(StoredEvent & { position: string })[]>(
        `SELECT id AS position, event_id AS id, name, version, source, subject, aggregate_id AS "aggregateId", sequence,
                to_json(occurred_at AT TIME ZONE 'UTC') #>> '{}' AS time, correlation_id AS "correlationId",
                causation_id AS "causationId", traceparent, data::text AS data
         FROM outbox WHERE published_at IS NULL ORDER BY outbox.id LIMIT 1 FOR UPDATE SKIP LOCKED`,
      );
      if (!row) {
        return;
      }
      await publisher.publish(row);
      await tx.query('UPDATE outbox SET published_at = now() WHERE id = $1', [row.position]);
    });
  }
}
