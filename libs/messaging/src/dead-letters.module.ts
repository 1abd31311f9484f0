import type { DeadLetterConsumer } from '@rookery/contracts';
import { Audit } from '@rookery/platform';
import { Module, type DynamicModule } from '@nestjs/common';
import { DeadLetters } from './dead-letters';
import { deadLettersController } from './dead-letters.controller';
import { JetStreamServer, type JetStreamServerOptions } from './jetstream-server';
import { Nats } from './nats';

/**
 * For a service that consumes events: provides its `JetStreamServer`, to be served by `microservices`, and answers operators'
 * requests about its dead letters. Needs `MessagingModule` and somebody who provides `Audit` and `Idempotency` (persistence does).
 */
@Module({})
export class DeadLettersModule {
  static forConsumer(
    service: DeadLetterConsumer,
    options: Omit<JetStreamServerOptions, 'service'> = {},
  ): DynamicModule {
    return {
      module: DeadLettersModule,
      controllers: [deadLettersController(service)],
      providers: [
        {
          provide: JetStreamServer,
          inject: [Nats],
          useFactory: (nats: Nats) => new JetStreamServer(nats, { ...options, service }),
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
