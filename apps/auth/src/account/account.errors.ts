import { DomainError } from '@rookery/platform';

/** Says that there is no new account, and not why: the answer must not tell who has one. */
export class AccountNotCreated extends DomainError {
  constructor() {
    super({
      status: 409,
      code: 'auth.account-not-created',
      title: 'Account not created',
      detail: 'No account was created with this e-mail address. If it is yours, try to sign in.',
    });
  }
}
