// HTTP in front of the services.
import 'reflect-metadata';
import {
  BadRequestException,
  Body,
  Controller,
  Get,
  Inject,
  Module,
  NotFoundException,
  Param,
  Post,
  Query,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientProxy } from '@nestjs/microservices';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { firstValueFrom, type Observable } from 'rxjs';
import { isReady, listQuery, setting, wantedLines } from '../shop';
import { BROKER, clientModule } from './service';

@Controller('v1')
class ShopController {
  constructor(@Inject(BROKER) private readonly broker: ClientProxy) {}

  @Get('products')
  products(@Query() query: Record<string, unknown>): Observable<unknown> {
    return this.broker.send('products.list', listQuery(query));
  }

  @Get('products/:id')
  async product(@Param('id') id: string): Promise<unknown> {
    const product = await firstValueFrom(this.broker.send<unknown>('products.get', id));
    if (product === null) {
      throw new NotFoundException('There is no such product');
    }
    return product;
  }

  @Get('orders')
  orders(@Query() query: Record<string, unknown>): Observable<unknown> {
    return this.broker.send('orders.list', listQuery(query).limit);
  }

  @Post('orders')
  place(@Body() body: unknown): Observable<unknown> {
    const lines = wantedLines(body);
    if (lines === undefined) {
      throw new BadRequestException('lines: must name products and quantities');
    }
    return this.broker.send('orders.place', lines);
  }
}

@Module({ imports: [clientModule()], controllers: [ShopController] })
class GatewayModule {}

// eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- Nest types options by a class it does not export
const app = await NestFactory.create<NestFastifyApplication>(GatewayModule, new FastifyAdapter(), {
  logger: ['warn', 'error'],
});
await app.listen(Number(setting('PORT')), '127.0.0.1');
isReady();
