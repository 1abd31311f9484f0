import { Column, Entity, PrimaryColumn } from 'typeorm';

/**
 * The states of a signing key: `next` is published but does not sign yet, `active` signs (exactly one), `retired` stays published until
 * its last token has expired.
 */
export type SigningKeyState = 'next' | 'active' | 'retired';

@Entity({ name: 'signing_keys' })
export class SigningKey {
  @PrimaryColumn('text')
  kid!: string;

  @Column('text')
  state!: SigningKeyState;

  /** The private JWK, sealed with KEY_ENCRYPTION_KEY. */
  @Column('text', { name: 'sealed_jwk' })
  sealedJwk!: string;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'retired_at', nullable: true })
  retiredAt!: Date | null;
}
