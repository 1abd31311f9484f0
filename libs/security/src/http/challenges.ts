import { Forbidden, Unauthenticated } from '@rookery/platform';

/** 401: the request has no token. The challenge then has no error code (RFC 6750, 3.1). */
export class MissingToken extends Unauthenticated {}

/** 401: the token is invalid. Only the log has the reason, so that an attacker learns nothing. */
export class InvalidToken extends Unauthenticated {
  constructor() {
    const detail = 'The access token is not valid. Obtain a new one.';
    super('auth.invalid-token', detail, `Bearer realm="rookery", error="invalid_token", error_description="${detail}"`);
  }
}

/** 403: the token is valid but lacks a scope. */
export class InsufficientScope extends Forbidden {
  constructor(required: readonly string[]) {
    const scope = required.join(' ');
    super(
      'auth.insufficient-scope',
      `This request needs an access token with the scope ${scope}.`,
      `Bearer realm="rookery", error="insufficient_scope", scope="${scope}"`,
    );
  }
}
