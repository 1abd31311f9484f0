import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Produces, Public } from '@rookery/platform';
import { AUTH_CONFIG, type AuthConfig } from '../auth.config';
import { pageHeaders } from './page';
import { rootPage } from './root.page';

/** The page at the root of the issuer. */
@Controller()
@Produces('text/html')
@Public()
export class RootController {
  constructor(@Inject(AUTH_CONFIG) private readonly config: AuthConfig) {}

  @Get()
  async show(@Res() reply: FastifyReply): Promise<void> {
    await reply.headers({ ...pageHeaders() }).send(rootPage(this.config.GATEWAY_URL));
  }
}
