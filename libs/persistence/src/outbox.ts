import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { StoredEvent } from '@rookery/contracts';
import { currentContext, uuidv7 } from '@rookery/platform';
import type { RecordedEvent } from './aggregate-root';
import { UnitOfWork } from './unit-of-work';

/** What an event brings, in the order of the values of both INSERTs. */
const EVENT_COLUMNS =
  'event_id, name, version, source, subject, aggregate_id, sequence, correlation_id, causation_id, traceparent, data';
const COLUMNS_OF_AN_EVENT = EVENT_COLUMNS.split(',').length;

/** Events that wait in the database for the broker, written in the transaction of the change that they describe. */
@Injectable()
export class Outbox {
  private readonly listeners = new Set<() => void>();

  constructor(private readonly unitOfWork: UnitOfWork) {}

  /**
   * Writes events in the given transaction and order, with the database's time and the correlation id, cause and trace of the current context.
   * The relay publishes them after the commit, at least once, those of one aggregate in order of their sequence.
   */
  async append(tx: EntityManager, events: readonly RecordedEvent[]): Promise<void> {
    if (events.length === 0) {
      return;
    }
    const context = currentContext();
    const rows = events.map(({ contract, aggregateId, sequence, data }) => {
      const id = uuidv7();
      const { name, version, producer, subject } = contract;
      const { correlationId = id, causationId = null, traceparent = null } = context ?? {};
      const json = JSON.stringify(data);
      return [
        id,
        name,
        version,
        producer,
        subject,
        aggregateId,
        sequence,
        correlationId,
        causationId,
        traceparent,
        json,
      ];
    });
    const placeholders = rows.map((_, row) => `(${parameters(row * COLUMNS_OF_AN_EVENT, COLUMNS_OF_AN_EVENT)}, now())`);
    await tx.query(
      `INSERT INTO outbox (${EVENT_COLUMNS}, occurred_at)
       VALUES ${placeholders.join(', ')}`,
      rows.flat(),
    );
    this.unitOfWork.afterCommit(() => this.notify());
  }

  /** Writes an event that the broker already has, for a database that lost it. It is not published again. */
  async appendPublished(tx: EntityManager, event: StoredEvent): Promise<void> {
    await tx.query(
      `INSERT INTO outbox (${EVENT_COLUMNS}, occurred_at, published_at)
       VALUES (${parameters(0, COLUMNS_OF_AN_EVENT)}, $${COLUMNS_OF_AN_EVENT + 1}, now())`,
      [
        event.id,
        event.name,
        event.version,
        event.source,
        event.subject,
        event.aggregateId,
        event.sequence,
        event.correlationId,
        event.causationId,
        event.traceparent,
        event.data,
        event.time,
      ],
    );
  }

  /**
   * Marks all published events since a time as unpublished, for a broker that lost its disk. They keep their ids, so consumers drop the
   * ones they have processed.
   * @returns the number of events
   */
  async republish(since: Date): Promise<number> {
    const [, count] = await this.unitOfWork.manager.query<[unknown[], number]>(
      'UPDATE outbox SET published_at = NULL WHERE occurred_at >= $1 AND published_at IS NOT NULL',
      [since],
    );
    this.notify();
    return count;
  }

  /**
   * Calls the listener after each commit that added events.
   * @returns a function that removes the listener
   */
  onAppended(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private notify(): void {
    for (const listener of this.listeners) {
      listener();
    }
  }
}

const parameters = (offset: number, count: number): string =>
  Array.from({ length: count }, (_, index) => `$${offset + index + 1}`).join(', ');
