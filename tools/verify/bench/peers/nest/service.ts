import 'reflect-metadata';
import type { DynamicModule, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientsModule, type MicroserviceOptions, Transport } from '@nestjs/microservices';
import { TypeOrmModule } from '@nestjs/typeorm';
import type { EntitySchema } from 'typeorm';
import { isReady, POOL_SIZE, setting } from '../shop';

/** What sends messages and events. */
export const BROKER = 'BROKER';

/** The client that a controller gets as `BROKER`. */
export const clientModule = (): DynamicModule =>
  ClientsModule.register([{ name: BROKER, transport: Transport.NATS, options: { servers: [setting('NATS_URL')] } }]);

/** The database with the entities of one service. */
export const databaseModules = (...entities: readonly (EntitySchema | Type)[]): DynamicModule[] => [
  TypeOrmModule.forRoot({
    type: 'postgres',
    url: setting('DATABASE_URL'),
    entities: [...entities],
    poolSize: POOL_SIZE,
  }),
  TypeOrmModule.forFeature([...entities]),
];

/** Runs a module as a service behind NATS; replicas would share its queue. */
export async function serve(module: Type, queue: string): Promise<void> {
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- Nest types options by a class it does not export
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(module, {
    transport: Transport.NATS,
    options: { servers: [setting('NATS_URL')], queue },
    logger: ['warn', 'error'],
  });
  await app.listen();
  isReady();
}
