import { type DynamicModule, Module } from '@nestjs/common';
import type { DeadLetterConsumer } from '@rookery/contracts';
import { Audit, PassedEvents } from '@rookery/platform';
import { Nats } from '../broker/nats';
import type { JetStreamServerOptions } from '../events/jetstream-options';
import { JetStreamServer } from '../events/jetstream-server';
import { DeadLetters } from './dead-letters';
import { deadLettersController } from './dead-letters.controller';

/**
 * Module of a service that consumes events. It provides the `JetStreamServer`, which the application serves as a microservice, and serves the
 * operators' requests about dead letters. It requires `MessagingModule` and providers of `Audit`, `Idempotency` and `PassedEvents`
 * (libs/persistence has them).
 */
@Module({})
export class DeadLettersModule {
  static forConsumer(
    service: DeadLetterConsumer,
    options: Omit<JetStreamServerOptions, 'service' | 'passed'> = {},
  ): DynamicModule {
    return {
      module: DeadLettersModule,
      controllers: [deadLettersController(service)],
      providers: [
        {
          provide: JetStreamServer,
          inject: [Nats, PassedEvents],
          useFactory: (nats: Nats, passed: PassedEvents) => new JetStreamServer(nats, { ...options, service, passed }),
        },
        {
          provide: DeadLetters,
          inject: [Nats, JetStreamServer, Audit],
          useFactory: (nats: Nats, server: JetStreamServer, audit: Audit) =>
            new DeadLetters(service, nats, server, audit),
        },
      ],
      exports: [JetStreamServer],
    };
  }
}
