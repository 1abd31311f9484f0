import type { DataOf, EventContract } from '@rookery/contracts';
import { Column, PrimaryColumn } from 'typeorm';

/** A fact that an aggregate recorded and that its repository will write to the outbox. */
export interface RecordedEvent {
  readonly contract: EventContract;
  readonly aggregateId: string;
  /** Position among the aggregate's events: 1, 2, 3 … */
  readonly sequence: number;
  readonly data: unknown;
}

/**
 * Rules and mapping of one consistency boundary. A subclass is an `@Entity` with a constructor without arguments; its table
 * has, besides its own columns, `id uuid`, `version integer`, `event_sequence integer`, `created_at` and
 * `updated_at timestamptz`, all NOT NULL. Collections of values are jsonb columns.
 */
export abstract class AggregateRoot {
  /** UUID version 7, made by whoever creates the aggregate. */
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  /** Starts at 1; the repository raises it by one with each change. */
  @Column({ type: 'integer' })
  version: number = 1;

  /** How many events the aggregate has recorded in its life. */
  @Column({ type: 'integer' })
  eventSequence: number = 0;

  /** Set by the repository. */
  @Column({ type: 'timestamptz' })
  createdAt!: Date;

  /** Set by the repository with each change. */
  @Column({ type: 'timestamptz' })
  updatedAt!: Date;

  #recorded: RecordedEvent[] = [];

  /** Records a fact, to be published once the change is committed. Throws when the data does not fit the contract. */
  protected record<Contract extends EventContract>(contract: Contract, data: DataOf<Contract>): void {
    this.eventSequence += 1;
    this.#recorded.push({
      contract,
      aggregateId: this.id,
      sequence: this.eventSequence,
      data: contract.data.parse(data),
    });
  }

  /** What has been recorded and not pulled yet, oldest first. */
  recorded(): readonly RecordedEvent[] {
    return this.#recorded;
  }

  /** Hands over what has been recorded and forgets it. */
  pullRecorded(): readonly RecordedEvent[] {
    const recorded = this.#recorded;
    this.#recorded = [];
    return recorded;
  }
}
