import { DeadLettersModule, EventPublisher, MessagingModule, natsOptions, requestsAndEvents } from '@rookery/messaging';
import { PersistenceModule } from '@rookery/persistence';
import { defineService } from '@rookery/platform';
import { SecurityModule } from '@rookery/security';
import { AdmissionModule } from './admission/admission.module';
import { ordersDatabase } from './database';
import { DeadlineModule } from './deadline/deadline.module';
import { OrderDiagnosisModule } from './order-diagnosis/order-diagnosis.module';
import { OrderModule } from './order/order.module';
import { OrdersConfig } from './orders.config';
import { ReconciliationModule } from './reconciliation/reconciliation.module';

/** Orders: the state of the saga with its timeline, the deadline sweeper, admission control and the reconciliation. */
export const orders = defineService({
  name: 'orders',
  config: OrdersConfig,
  modules: (config) => [
    PersistenceModule.forRoot({ service: 'orders', options: ordersDatabase(config), publisher: EventPublisher }),
    SecurityModule.forRpc({ service: 'orders', jwks: config.INTERNAL_JWKS, signingKey: config.INTERNAL_SIGNING_KEY }),
    MessagingModule.forRoot(natsOptions('orders', config)),
    DeadLettersModule.forConsumer('orders'),
    OrderModule,
    DeadlineModule,
    AdmissionModule,
    ReconciliationModule,
    OrderDiagnosisModule,
  ],
  microservices: requestsAndEvents,
});
