import { Inject, Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { currentContext } from '@rookery/platform';
import passportJwt from 'passport-jwt';
import { AccessTokenVerifier } from './access-token.verifier';
import { bearerTokenOf } from './bearer-token';

/** Name of the strategy, for `AuthGuard`. */
export const ACCESS_TOKEN = 'access-token';

type HttpRequest = Parameters<passportJwt.Strategy['authenticate']>[0];

const tokenOf = ({ headers }: HttpRequest): string | null => bearerTokenOf(headers.authorization) ?? null;

/**
 * Passport strategy for `Authorization: Bearer`. jose verifies the token, because passport-jwt alone takes tokens without `exp` and ID
 * tokens.
 */
@Injectable()
export class AccessTokenStrategy extends PassportStrategy(passportJwt.Strategy, ACCESS_TOKEN) {
  constructor(@Inject(AccessTokenVerifier) private readonly verifier: AccessTokenVerifier) {
    super({
      jwtFromRequest: tokenOf,
      secretOrKeyProvider: (_request: unknown, _token: unknown, done: (error: Error) => void) =>
        done(new Error('tokens are verified by jose')),
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
        if (context !== undefined) Object.assign(context, { actor, lease });
        this.success(actor);
      },
      (error: unknown) =>
        this.error(error instanceof Error ? error : new Error('verification failed', { cause: error })),
    );
  }

  /** Required by PassportStrategy; `authenticate` above does the work. */
  validate(): never {
    throw new Error('tokens are verified by jose');
  }
}
