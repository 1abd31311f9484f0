import { JetStreamServer, Nats, RpcServer } from '@rookery/messaging';
import type { ServiceOptions } from '@rookery/platform';
import { ProductsModule } from './products.module';
import type { ProductsConfig } from './products.config';

/** The products process: its module, and the transports that bring it requests and events. */
export const products = (config: ProductsConfig): ServiceOptions => ({
  name: 'products',
  module: ProductsModule.forRoot(config),
  config,
  microservices: (app) => {
    const nats = app.get(Nats);
    return [new RpcServer(nats), app.get(JetStreamServer)];
  },
});
