import type { DeadLetterConsumer } from '@rookery/contracts';
import { Audit, PassedEvents } from '@rookery/platform';
import { Module, type DynamicModule } from '@nestjs/common';
import { DeadLetters } from './dead-letters';
import { deadLettersController } from './dead-letters.controller';
import type { JetStreamServerOptions } from '../events/retry-policy';
import { JetStreamServer } from '../events/jetstream-server';
import { Nats } from '../broker/nats';

/**
 * For a service that consumes events: provides its `JetStreamServer`, to be served by `microservices`, and answers operators'
 * requests about its dead letters. Needs `MessagingModule` and somebody who provides `Audit`, `Idempotency` and `PassedEvents` (persistence does).
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
