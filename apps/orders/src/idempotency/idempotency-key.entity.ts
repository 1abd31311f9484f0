import { Column, Entity, PrimaryColumn } from 'typeorm';

/** One used key of one caller, with the first answer as text: a replay sends the same bytes, whatever became of the order. */
@Entity({ name: 'idempotency_key' })
export class IdempotencyKey {
  @PrimaryColumn({ type: 'text' })
  issuer!: string;

  @PrimaryColumn({ type: 'text' })
  subject!: string;

  /** Empty when the caller's token names no client. */
  @PrimaryColumn({ type: 'text' })
  clientId!: string;

  @PrimaryColumn({ type: 'text' })
  key!: string;

  @Column({ type: 'text' })
  fingerprint!: string;

  @Column({ type: 'text' })
  response!: string;

  @Column({ type: 'timestamptz' })
  expiresAt!: Date;
}
