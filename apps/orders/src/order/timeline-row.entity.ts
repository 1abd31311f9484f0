import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A step of the saga that another service took. */
export interface ExternalStep {
  readonly event: string;
  readonly service: string;
  readonly at: Date;
  /** Deliveries it took, from 1. */
  readonly attempt: number;
  readonly causationId: string | null;
  readonly traceId: string | null;
}

/** A row of an order's timeline: written in the transaction of the change it tells of, never changed. */
@Entity({ name: 'order_timeline' })
export class TimelineRow {
  @PrimaryColumn({ type: 'uuid' })
  orderId!: string;

  /** Given by the database under the order's row lock, so that a reader who asks "after position n" misses nothing. */
  @PrimaryColumn({ type: 'bigint', transformer: { to: (value?: number) => value, from: Number } })
  position!: number;

  @Column({ type: 'text' })
  event!: string;

  @Column({ type: 'text' })
  service!: string;

  @Column({ type: 'timestamptz' })
  at!: Date;

  @Column({ type: 'int' })
  attempt!: number;

  @Column({ type: 'text', nullable: true })
  causationId!: string | null;

  @Column({ type: 'text', nullable: true })
  traceId!: string | null;
}
