import { Column, PrimaryColumn } from 'typeorm';
import type { DataOf, EventContract } from '@rookery/contracts';

/** An event that an aggregate recorded and that its repository will write to the outbox. */
export interface RecordedEvent {
  readonly contract: EventContract;
  readonly aggregateId: string;
  /** Position among the aggregate's events: 1, 2, 3 … */
  readonly sequence: number;
  readonly data: unknown;
}

/**
 * Rules and mapping of one consistency boundary. A subclass is an `@Entity` whose constructor has no parameters. Its table has its own columns
 * and `id uuid`, `version integer`, `event_sequence integer`, `created_at` and `updated_at timestamptz`, all NOT NULL. Collections of
 * values are jsonb columns.
 *
 * @example
 * \@Entity()
 * class Order extends AggregateRoot {
 *   confirm(): void {
 *     this.status = 'Confirmed';
 *     this.record(OrderConfirmed, { orderId: this.id });
 *   }
 * }
 */
export abstract class AggregateRoot {
  /** UUID version 7, assigned at creation. */
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  /** Starts at 1. The repository increments it with each change. */
  @Column({ type: 'integer' })
  version: number = 1;

  /** Number of events that the aggregate has ever recorded. */
  @Column({ type: 'integer' })
  eventSequence: number = 0;

  /** Set by the repository. */
  @Column({ type: 'timestamptz' })
  createdAt!: Date;

  /** Set by the repository with each change. */
  @Column({ type: 'timestamptz' })
  updatedAt!: Date;

  private recordedEvents: RecordedEvent[] = [];

  /**
   * Records an event, which is published after the commit.
   * @throws {ZodError} when the data does not match the contract
   */
  protected record<Contract extends EventContract>(contract: Contract, data: DataOf<Contract>): void {
    this.eventSequence += 1;
    this.recordedEvents.push({
      contract,
      aggregateId: this.id,
      sequence: this.eventSequence,
      data: contract.data.parse(data),
    });
  }

  /** The recorded events that have not been pulled yet, oldest first. */
  recorded(): readonly RecordedEvent[] {
    return this.recordedEvents;
  }

  /** Returns the recorded events and forgets them. */
  pullRecorded(): readonly RecordedEvent[] {
    const recorded = this.recordedEvents;
    this.recordedEvents = [];
    return recorded;
  }
}
