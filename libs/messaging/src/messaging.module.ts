import { type DynamicModule, Module } from '@nestjs/common';
import { HealthChecks, Metrics } from '@rookery/platform';
import { Nats, type NatsOptions } from './broker/nats';
import { EventPublisher } from './events/event-publisher';
import { RpcClient } from './rpc/rpc-client';

/** Global module with the process's NATS connection, the RPC client and the event publisher. It adds the health check `nats`. */
@Module({})
export class MessagingModule {
  static forRoot(options: NatsOptions): DynamicModule {
    return {
      module: MessagingModule,
      global: true,
      providers: [
        {
          provide: Nats,
          inject: [
            { token: Metrics, optional: true },
            { token: HealthChecks, optional: true },
          ],
          useFactory: async (metrics?: Metrics, healthChecks?: HealthChecks): Promise<Nats> => {
            const nats = await Nats.connect(options, metrics);
            healthChecks?.add(nats);
            return nats;
          },
        },
        RpcClient,
        EventPublisher,
      ],
      exports: [Nats, RpcClient, EventPublisher],
    };
  }
}
