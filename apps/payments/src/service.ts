import { DeadLettersModule, EventPublisher, MessagingModule, natsOptions, requestsAndEvents } from '@rookery/messaging';
import { PersistenceModule } from '@rookery/persistence';
import { defineService } from '@rookery/platform';
import { SecurityModule } from '@rookery/security';
import { paymentsDatabase } from './database';
import { OrderDiagnosisModule } from './order-diagnosis/order-diagnosis.module';
import { PaymentModule } from './payment/payment.module';
import { PaymentsConfig } from './payments.config';
import { ReconciliationModule } from './reconciliation/reconciliation.module';

/** Payments: the payment of each order, and the worker that calls the provider. */
export const payments = defineService({
  name: 'payments',
  config: PaymentsConfig,
  modules: (config) => [
    PersistenceModule.forRoot({ service: 'payments', options: paymentsDatabase(config), publisher: EventPublisher }),
    SecurityModule.forRpc({ service: 'payments', jwks: config.INTERNAL_JWKS }),
    MessagingModule.forRoot(natsOptions('payments', config)),
    DeadLettersModule.forConsumer('payments'),
    PaymentModule,
    ReconciliationModule,
    OrderDiagnosisModule,
  ],
  microservices: requestsAndEvents,
});
