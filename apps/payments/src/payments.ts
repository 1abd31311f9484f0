import { JetStreamServer, Nats, RpcServer } from '@rookery/messaging';
import type { ServiceOptions } from '@rookery/platform';
import { PaymentsModule } from './payments.module';
import type { PaymentsConfig } from './payments.config';

/** The payments process: its module, and the transports that bring it requests and events. */
export const payments = (config: PaymentsConfig): ServiceOptions => ({
  name: 'payments',
  module: PaymentsModule.forRoot(config),
  config,
  microservices: (app) => {
    const nats = app.get(Nats);
    return [new RpcServer(nats), app.get(JetStreamServer)];
  },
});
