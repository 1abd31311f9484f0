import { Controller, Get, Header } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { Public } from '@rookery/platform';
import { asyncApiDocument, type Json } from './asyncapi-document';

@ApiExcludeController()
@Controller()
export class AsyncApiController {
  private document: Json | undefined;

  @Get('asyncapi.json')
  @Public()
  @Header('cache-control', 'public, max-age=60')
  get() {
    return (this.document ??= asyncApiDocument());
  }
}
