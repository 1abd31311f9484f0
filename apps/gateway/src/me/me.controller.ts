import { Controller, Get, Header } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { MeView } from '@rookery/contracts';
import type { Actor } from '@rookery/platform';
import { CurrentActor } from '@rookery/security';
import { Exposes } from '../openapi/exposes.decorator';

@ApiTags('Accounts')
@Controller('v1/me')
export class MeController {
  @Get()
  @Header('cache-control', 'private, no-store')
  @Exposes({
    summary: 'Read the current identity',
    description: 'Subject, client, roles and scopes of the access token.',
    access: 'anyone-logged-in',
    success: { status: 200, description: 'The content of the token', schema: MeView, headers: ['Cache-Control'] },
  })
  me(@CurrentActor() { subject, clientId, roles, scopes }: Actor): MeView {
    return { subject, clientId, roles: [...roles], scopes: [...scopes] };
  }
}
