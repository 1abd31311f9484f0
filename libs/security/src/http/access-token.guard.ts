import { type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { PUBLIC } from '@rookery/platform';
import { ACCESS_TOKEN } from './access-token.strategy';
import { MissingToken } from './challenges';

/** Global guard: every HTTP route needs a valid access token unless it is `@Public()`. Messages over NATS have their own guard. */
@Injectable()
export class AccessTokenGuard extends AuthGuard(ACCESS_TOKEN) {
  constructor(@Inject(Reflector) private readonly reflector: Reflector) {
    super();
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    if (context.getType() !== 'http') {
      return true;
    }
    if (this.reflector.getAllAndOverride(PUBLIC, [context.getHandler(), context.getClass()]) === true) {
      return true;
    }
    return (await super.canActivate(context)) === true;
  }

  override handleRequest<User>(error: unknown, user: User | false): User {
    if (error instanceof Error) {
      throw error;
    }
    if (user === false) {
      throw new MissingToken();
    }
    return user;
  }
}
