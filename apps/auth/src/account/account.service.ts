import { Injectable } from '@nestjs/common';
import { type AccountView, AuthRpc, type RegisterAccount, type Role } from '@rookery/contracts';
import { IdempotencyStore, UnitOfWork } from '@rookery/persistence';
import { Clock, InvalidInput, type KeyedAnswer, keyedRequest, requireContext, uuidv7 } from '@rookery/platform';
import { AccountNotCreated } from './account.errors';
import { comparablePassword, hashPassword, matchPassword, normalizedPassword } from './password-hash';
import { passwordWeakness } from './password-policy';
import { User } from './user.entity';

interface NewUser {
  readonly email: string;
  readonly username: string | null;
  readonly name: string;
  readonly password: string;
  readonly roles: readonly Role[];
}

/** Accounts and their passwords. */
@Injectable()
export class AccountService {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly requests: IdempotencyStore,
    private readonly clock: Clock,
  ) {}

  /**
   * Creates a customer account, once per idempotency key. An existing address takes the same time and reveals nothing more than "not
   * created".
   */
  async register(request: RegisterAccount): Promise<KeyedAnswer<AccountView>> {
    const { email, password, name = localPartOf(email) } = request;
    const weakness = passwordWeakness(normalizedPassword(password), email);
    if (weakness !== undefined) {
      throw new InvalidInput([{ pointer: '/password', detail: weakness }]);
    }
    return this.requests.onceAfter(
      await keyedRegistration(request),
      () => hashPassword(password),
      async (passwordHash) => {
        const user = await this.insert({ email, username: null, name, roles: ['customer'] }, passwordHash);
        if (user === undefined) {
          throw new AccountNotCreated();
        }
        return { id: user.id, email: user.email, name: user.name, createdAt: user.createdAt.toISOString() };
      },
    );
  }

  /** Adds a user; undefined if the e-mail address or user name already exists. */
  async create({ password, ...user }: NewUser): Promise<User | undefined> {
    return this.insert(user, await hashPassword(password));
  }

  private async insert(
    { email, username, name, roles }: Omit<NewUser, 'password'>,
    passwordHash: string,
  ): Promise<User | undefined> {
    const user = this.users.create({
      id: uuidv7(),
      email: email.toLowerCase(),
      username,
      name,
      passwordHash,
      roles: [...roles],
      disabled: false,
      createdAt: this.clock.now(),
    });
    const inserted = await this.users.createQueryBuilder().insert().values(user).orIgnore().returning('id').execute();
    return Array.isArray(inserted.raw) && inserted.raw.length === 1 ? user : undefined;
  }

  /**
   * The user with this e-mail address or user name and password. An unknown user, a disabled user and a wrong password give the same
   * result in the same time.
   */
  async authenticate(login: string, password: string): Promise<User | undefined> {
    const user = await this.findByLogin(login);
    const match = await matchPassword(user?.passwordHash, password);
    if (match === 'none' || user === undefined || user.disabled) {
      return undefined;
    }
    if (match === 'outdated') {
      await this.renewHash(user, password);
    }
    return user;
  }

  /** One key for a person, whichever login name is used; failed attempts are counted by it. */
  async personOf(login: string): Promise<string> {
    return (await this.findByLogin(login))?.id ?? login.trim().toLowerCase();
  }

  async findEnabled(id: string): Promise<User | undefined> {
    return (await this.users.findOneBy({ id, disabled: false })) ?? undefined;
  }

  /** Does nothing if the password has been changed in the meantime. */
  private async renewHash({ id, passwordHash: before }: User, password: string): Promise<void> {
    await this.users.update({ id, passwordHash: before }, { passwordHash: await hashPassword(password) });
  }

  private async findByLogin(login: string): Promise<User | undefined> {
    if (login.includes('\u0000')) {
      return undefined;
    }
    const name = login.trim().toLowerCase();
    const user = await this.users.findOneBy(name.includes('@') ? { email: name } : { username: name });
    return user ?? undefined;
  }

  private get users() {
    return this.unitOfWork.manager.getRepository(User);
  }
}

/**
 * There is no signed-in user yet, so the e-mail address separates the callers: the same key with another address is another request. A
 * replay also needs the password: the fingerprint contains a hash of it that is as slow as the account's.
 */
async function keyedRegistration(request: RegisterAccount) {
  const email = request.email.toLowerCase();
  const salt = JSON.stringify([AuthRpc.register.subject, email, requireContext().idempotencyKey]);
  const compared = { ...request, email, password: await comparablePassword(request.password, salt) };
  return keyedRequest(AuthRpc.register, request, { anonymous: email, compared });
}

const localPartOf = (email: string): string => email.slice(0, email.lastIndexOf('@'));
