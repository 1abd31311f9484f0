import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { StoredEvent } from '@rookery/contracts';
import { currentContext, uuidv7 } from '@rookery/platform';
import type { RecordedEvent } from './aggregate-root';
import { UnitOfWork } from './unit-of-work';
import { writeRowLater } from './write-later';

/** What an event brings, with the types of the columns, in the order of the values of both INSERTs. */
const EVENT_COLUMNS = [
  ['event_id', 'uuid'],
  ['name', 'text'],
  ['version', 'integer'],
  ['source', 'text'],
  ['subject', 'text'],
  ['aggregate_id', 'uuid'],
  ['sequence', 'integer'],
  ['correlation_id', 'text'],
  ['causation_id', 'text'],
  ['traceparent', 'text'],
  ['data', 'text'],
] as const;
const NAMES = EVENT_COLUMNS.map(([name]) => name).join(', ');
const ARRAYS = EVENT_COLUMNS.map(([, type], index) => `$${index + 1}::${type}[]`).join(', ');
/** One text for any number of events, so that it is prepared once. The order gives the positions in the outbox. */
const INSERT_EVENTS = `INSERT INTO outbox (${NAMES}, occurred_at)
  SELECT ${NAMES.replace(/data$/, 'data::jsonb')}, now() FROM unnest(${ARRAYS}) WITH ORDINALITY AS event (${NAMES}, place) ORDER BY place`;
const INSERT_PUBLISHED = `INSERT INTO outbox (${NAMES}, occurred_at, published_at)
  VALUES (${EVENT_COLUMNS.map((_, index) => `$${index + 1}`).join(', ')}, $${EVENT_COLUMNS.length + 1}, now())`;

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
    for (const { contract, aggregateId, sequence, data } of events) {
      const id = uuidv7();
      const { name, version, producer, subject } = contract;
      const { correlationId = id, causationId = null, traceparent = null } = context ?? {};
      const origin = [correlationId, causationId, traceparent];
      const json = JSON.stringify(data);
      const row = [id, name, version, producer, subject, aggregateId, sequence, ...origin, json];
      await writeRowLater(tx, INSERT_EVENTS, row);
    }
    this.unitOfWork.afterCommit(() => this.notify());
  }

  /** Writes an event that the broker already has, for a database that lost it. It is not published again. */
  async appendPublished(tx: EntityManager, event: StoredEvent): Promise<void> {
    await tx.query(INSERT_PUBLISHED, [
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
    ]);
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
