import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Role } from '@rookery/contracts';

/** A person who can sign in. The e-mail address is stored in lower case, so that it is unique regardless of case. */
@Entity({ name: 'users' })
export class User {
  @PrimaryColumn('uuid')
  id!: string;

  @Column('text')
  email!: string;

  /** A short name to sign in with; only the demo users have one. */
  @Column('text', { nullable: true })
  username!: string | null;

  @Column('text')
  name!: string;

  @Column('text', { name: 'password_hash' })
  passwordHash!: string;

  @Column('text', { array: true })
  roles!: Role[];

  @Column('boolean', { default: false })
  disabled!: boolean;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;
}
