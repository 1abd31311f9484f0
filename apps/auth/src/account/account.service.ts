import type { AccountView, RegisterAccount, Role } from '@rookery/contracts';
import { Clock, InvalidInput, uuidv7 } from '@rookery/platform';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { AccountNotCreated } from './account.errors';
import { hashPassword, matchPassword, normalizedPassword } from './password-hash';
import { passwordWeakness } from './password-policy';
import { User } from './user.entity';

interface NewUser {
  readonly email: string;
  readonly username: string | null;
  readonly name: string;
  readonly password: string;
  readonly roles: readonly Role[];
}

/** Who may sign in. */
@Injectable()
export class AccountService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly clock: Clock,
  ) {}

  /** Makes a customer account. An address that is taken costs the same work and tells nothing more than "not created". */
  async register({ email, password, name }: RegisterAccount): Promise<AccountView> {
    const weakness = passwordWeakness(normalizedPassword(password), email);
    if (weakness !== undefined) throw new InvalidInput([{ pointer: '/password', detail: weakness }]);

    const user = await this.create({
      email,
      username: null,
      name: name ?? localPartOf(email),
      password,
      roles: ['customer'],
    });
    if (user === undefined) throw new AccountNotCreated();
    return { id: user.id, email: user.email, name: user.name, createdAt: user.createdAt.toISOString() };
  }

  /** Adds a user; undefined when the e-mail address or user name is taken. */
  async create({ email, username, name, password, roles }: NewUser): Promise<User | undefined> {
    const user = this.users.create({
      id: uuidv7(),
      email: email.toLowerCase(),
      username,
      name,
      passwordHash: await hashPassword(password),
      roles: [...roles],
      disabled: false,
      createdAt: this.clock.now(),
    });
    const inserted = await this.users.createQueryBuilder().insert().values(user).orIgnore().returning('id').execute();
    return Array.isArray(inserted.raw) && inserted.raw.length === 1 ? user : undefined;
  }

  /** The user with this e-mail address or user name and password. Unknown, disabled and wrong password look and last the same. */
  async authenticate(login: string, password: string): Promise<User | undefined> {
    const user = await this.findByLogin(login);
    const match = await matchPassword(user?.passwordHash, password);
    if (match === 'none' || user === undefined || user.disabled) return undefined;
    if (match === 'outdated') await this.renewHash(user, password);
    return user;
  }

  /** One word for a person, whichever of their names they sign in with: what guesses are counted by. */
  async personOf(login: string): Promise<string> {
    return (await this.findByLogin(login))?.id ?? login.trim().toLowerCase();
  }

  async findEnabled(id: string): Promise<User | undefined> {
    return (await this.users.findOneBy({ id, disabled: false })) ?? undefined;
  }

  /** Unless the password was changed meanwhile. */
  private async renewHash({ id, passwordHash: before }: User, password: string): Promise<void> {
    await this.users.update({ id, passwordHash: before }, { passwordHash: await hashPassword(password) });
  }

  private async findByLogin(login: string): Promise<User | undefined> {
    if (login.includes('\u0000')) return undefined;
    const name = login.trim().toLowerCase();
    const user = await this.users.findOneBy(name.includes('@') ? { email: name } : { username: name });
    return user ?? undefined;
  }

  private get users() {
    return this.dataSource.getRepository(User);
  }
}

const localPartOf = (email: string): string => email.slice(0, email.lastIndexOf('@'));
