import { type DynamicModule, Module } from '@nestjs/common';
import { Nats, RpcClient } from '@rookery/messaging';
import { Readiness } from '@rookery/platform';
import type { GatewayConfig } from '../gateway.config';
import { OrderStreams } from './order-streams';

/** Live streams of order timelines. */
@Module({})
export class OrderStreamsModule {
  static forRoot(config: GatewayConfig): DynamicModule {
    const options = {
      heartbeatMs: config.STREAM_HEARTBEAT_SECONDS * 1_000,
      streamsPerSubject: config.STREAMS_PER_SUBJECT,
    };
    return {
      module: OrderStreamsModule,
      providers: [
        {
          provide: OrderStreams,
          inject: [Nats, RpcClient, Readiness],
          useFactory: (nats: Nats, rpc: RpcClient, readiness: Readiness) =>
            new OrderStreams(nats, rpc, readiness, options),
        },
      ],
      exports: [OrderStreams],
    };
  }
}
