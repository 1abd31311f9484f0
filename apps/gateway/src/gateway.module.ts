import { Module, type DynamicModule } from '@nestjs/common';
import { MessagingModule, natsOptions, Nats, RpcClient } from '@rookery/messaging';
import { HealthModule, Readiness } from '@rookery/platform';
import { SecurityModule } from '@rookery/security';
import { apiControllers } from './api-controllers';
import { AsyncApiController } from './asyncapi/asyncapi.controller';
import type { GatewayConfig } from './gateway.config';
import { OrderStreams } from './orders/order-streams';
import { RateLimitModule } from './rate-limit/rate-limit.module';

/** The HTTP edge: checks who asks and what is asked, and passes it on to the service that owns the answer. */
@Module({})
export class GatewayModule {
  static forRoot(config: GatewayConfig): DynamicModule {
    return {
      module: GatewayModule,
      imports: [
        HealthModule.register(),
        MessagingModule.forRoot(natsOptions('gateway', config)),
        // Before the limits: they count per subject.
        SecurityModule.forHttp({
          issuer: config.OIDC_ISSUER,
          audience: config.OIDC_AUDIENCE,
          issuerAddress: config.OIDC_DISCOVERY_URL,
          caller: 'gateway',
          signingKey: config.INTERNAL_SIGNING_KEY,
        }),
        RateLimitModule.forRoot({
          requestsPerMinute: config.RATE_LIMIT_PER_MINUTE,
          registrationsPerHour: config.REGISTRATION_LIMIT_PER_HOUR,
        }),
      ],
      controllers: [...apiControllers, AsyncApiController],
      providers: [
        {
          provide: OrderStreams,
          inject: [Nats, RpcClient, Readiness],
          useFactory: (nats: Nats, rpc: RpcClient, readiness: Readiness) =>
            new OrderStreams(nats, rpc, readiness, {
              heartbeatMs: config.STREAM_HEARTBEAT_SECONDS * 1_000,
              streamsPerSubject: config.STREAMS_PER_SUBJECT,
            }),
        },
      ],
    };
  }
}
