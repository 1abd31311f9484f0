import { Forbidden, Unauthenticated } from '@rookery/platform';

/** 401: no token was sent. RFC 6750, 3.1: then the challenge has no error code. */
export class MissingToken extends Unauthenticated {}

/** 401: a token was sent and is not good. Why is the log's business: an attacker learns nothing. */
export class InvalidToken extends Unauthenticated {
  constructor() {
    const detail = 'The access token is not valid: obtain a new one.';
    super('auth.invalid-token', detail, `Bearer realm="rookery", error="invalid_token", error_description="${detail}"`);
  }
}

/** 403: the token is good but was not given what this needs. */
export class InsufficientScope extends Forbidden {
  constructor(required: readonly string[]) {
    const scope = required.join(' ');
    super(
      'auth.insufficient-scope',
      `This needs a token with scope ${scope}.`,
      `Bearer realm="rookery", error="insufficient_scope", scope="${scope}"`,
    );
  }
}
