import { DeadLettersModule, EventPublisher, MessagingModule, natsOptions, requestsAndEvents } from '@rookery/messaging';
import { PersistenceModule } from '@rookery/persistence';
import { defineService } from '@rookery/platform';
import { SecurityModule } from '@rookery/security';
import { productsDatabase } from './database';
import { OrderDiagnosisModule } from './order-diagnosis/order-diagnosis.module';
import { ProductModule } from './product/product.module';
import { ProductsConfig } from './products.config';
import { ReconciliationModule } from './reconciliation/reconciliation.module';
import { ReservationModule } from './reservation/reservation.module';

/** Products: the catalog, and the stock with its reservations. */
export const products = defineService({
  name: 'products',
  config: ProductsConfig,
  modules: (config) => [
    PersistenceModule.forRoot({ service: 'products', options: productsDatabase(config), publisher: EventPublisher }),
    SecurityModule.forRpc({ service: 'products', jwks: config.INTERNAL_JWKS }),
    MessagingModule.forRoot(natsOptions('products', config)),
    DeadLettersModule.forConsumer('products'),
    ProductModule,
    ReservationModule,
    ReconciliationModule,
    OrderDiagnosisModule,
  ],
  microservices: requestsAndEvents,
});
