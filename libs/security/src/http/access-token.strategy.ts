import { Inject, Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import passportJwt from 'passport-jwt';
import { currentContext } from '@rookery/platform';
import { AccessTokenVerifier } from './access-token.verifier';
import { bearerTokenOf } from './bearer-token';

/** Name of the strategy, for `AuthGuard`. */
export const ACCESS_TOKEN = 'access-token';

type HttpRequest = Parameters<passportJwt.Strategy['authenticate']>[0];

const tokenOf = ({ headers }: HttpRequest): string | null => bearerTokenOf(headers.authorization) ?? null;

const neverCalled = (): never => {
  throw new Error('access tokens are verified by jose');
};

/**
 * Passport strategy for `Authorization: Bearer`. jose verifies the token in `authenticate`, because passport-jwt alone accepts tokens
 * without `exp` and ID tokens. passport-jwt requires a `secretOrKeyProvider` and Nest a `validate`; `authenticate` calls neither.
 */
@Injectable()
export class AccessTokenStrategy extends PassportStrategy(passportJwt.Strategy, ACCESS_TOKEN) {
  constructor(@Inject(AccessTokenVerifier) private readonly verifier: AccessTokenVerifier) {
    super({
      jwtFromRequest: tokenOf,
      secretOrKeyProvider: neverCalled,
    });
  }

  override authenticate(request: HttpRequest): void {
    const token = tokenOf(request);
    if (token === null) {
      this.fail('missing token', 401);
      return;
    }
    this.verifier.admit(token).then(
      ({ actor, lease }) => {
        const context = currentContext();
        if (context !== undefined) {
          Object.assign(context, { actor, lease });
        }
        this.success(actor);
      },
      (error: unknown) =>
        this.error(error instanceof Error ? error : new Error('verification failed', { cause: error })),
    );
  }

  validate(): never {
    return neverCalled();
  }
}
