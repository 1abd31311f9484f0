import { DomainError } from '@rookery/platform';

/** 409 without a reason: the response must not reveal who has an account. */
export class AccountNotCreated extends DomainError {
  constructor() {
    super({
      status: 409,
      code: 'auth.account-not-created',
      title: 'Account not created',
      detail: 'No account was created for this e-mail address. If the address is yours, try to sign in.',
    });
  }
}
