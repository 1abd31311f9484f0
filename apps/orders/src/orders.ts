import { JetStreamServer, Nats, RpcServer } from '@rookery/messaging';
import type { ServiceOptions } from '@rookery/platform';
import type { OrdersConfig } from './orders.config';
import { OrdersModule } from './orders.module';

/** The process: what main.ts runs and component tests build. */
export const orders = (config: OrdersConfig): ServiceOptions => ({
  name: 'orders',
  module: OrdersModule.forRoot(config),
  config,
  microservices: (app) => {
    const nats = app.get(Nats);
    return [new RpcServer(nats), app.get(JetStreamServer)];
  },
});
