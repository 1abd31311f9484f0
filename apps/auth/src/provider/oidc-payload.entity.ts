import { Column, Entity, PrimaryColumn } from 'typeorm';

/** One artefact of the provider (session, grant, code, refresh token, …), identified by model and id. */
@Entity({ name: 'oidc_payload' })
export class OidcPayload {
  @PrimaryColumn('text')
  model!: string;

  @PrimaryColumn('text')
  id!: string;

  /** Encrypted by the adapter; plain for the register and for forms. */
  @Column('jsonb')
  payload!: Readonly<Record<string, unknown>>;

  @Column('text', { name: 'grant_id', nullable: true })
  grantId!: string | null;

  @Column('text', { name: 'user_code', nullable: true })
  userCode!: string | null;

  @Column('text', { nullable: true })
  uid!: string | null;

  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt!: Date | null;

  @Column('timestamptz', { name: 'consumed_at', nullable: true })
  consumedAt!: Date | null;
}
