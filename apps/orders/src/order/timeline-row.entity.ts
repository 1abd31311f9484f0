import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A saga step of another service. */
export interface ExternalStep {
  readonly event: string;
  readonly service: string;
  readonly at: Date;
  /** Number of deliveries needed, starting at 1. */
  readonly attempt: number;
  readonly causationId: string | null;
  readonly traceId: string | null;
}

/** A row of an order's timeline: written in the transaction of its change and never updated. */
@Entity({ name: 'order_timeline' })
export class TimelineRow {
  @PrimaryColumn({ type: 'uuid' })
  orderId!: string;

  /** Assigned by the database under the order's row lock, so that reading "after position n" misses nothing. */
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
