import { Module, type DynamicModule, type OnApplicationBootstrap } from '@nestjs/common';
import { DeadLettersModule, EventPublisher, MessagingModule, Nats, natsOptions } from '@rookery/messaging';
import { OutboxRelay, PersistenceModule, UnitOfWork } from '@rookery/persistence';
import { Cursors, HealthModule } from '@rookery/platform';
import { SecurityModule } from '@rookery/security';
import { productsDatabase } from './data-source';
import { ProductQueries } from './product/product.queries';
import { ProductRepository } from './product/product.repository';
import { ProductRpc } from './product/product.rpc';
import { ProductService } from './product/product.service';
import type { ProductsConfig } from './products.config';
import { ReservationDiagnosis } from './order-diagnosis/reservation-diagnosis';
import { ReservationConsumer } from './reservation/reservation.consumer';
import { ReservationRepository } from './reservation/reservation.repository';
import { DiagnosisRpc } from './order-diagnosis/reservation-diagnosis.rpc';
import { ReservationService } from './reservation/reservation.service';
import { StockRecordQueries } from './reconciliation/stock-records.queries';
import { RecordsRpc } from './reconciliation/stock-records.rpc';
import { StockChangeNotifier } from './stock/stock-change-notifier';
import { StockRepository } from './stock/stock.repository';

/** The products service: the catalogue, and the stock with its reservations. */
@Module({})
export class ProductsModule implements OnApplicationBootstrap {
  constructor(
    private readonly relay: OutboxRelay,
    private readonly publisher: EventPublisher,
  ) {}

  static forRoot(config: ProductsConfig): DynamicModule {
    return {
      module: ProductsModule,
      imports: [
        HealthModule.register(),
        PersistenceModule.forRoot({
          options: productsDatabase(config.DATABASE_URL, config.DATABASE_POOL_SIZE, config.DATABASE_SESSION_URL),
          service: 'products',
        }),
        SecurityModule.forRpc({ service: 'products', jwks: config.INTERNAL_JWKS }),
        MessagingModule.forRoot(natsOptions('products', config)),
        DeadLettersModule.forConsumer('products'),
      ],
      controllers: [ProductRpc, DiagnosisRpc, RecordsRpc, ReservationConsumer],
      providers: [
        { provide: Cursors, useFactory: () => new Cursors(config.CURSOR_KEY, 'products') },
        ProductQueries,
        ProductRepository,
        ProductService,
        ReservationRepository,
        ReservationService,
        StockRecordQueries,
        ReservationDiagnosis,
        {
          provide: StockChangeNotifier,
          inject: [UnitOfWork, Nats],
          useFactory: (unitOfWork: UnitOfWork, nats: Nats) =>
            new StockChangeNotifier(unitOfWork, (subject) => {
              // Without a broker the client would keep hints until it is back, when nobody trusts what he kept anyway.
              if (nats.connected) nats.connection.publish(subject);
            }),
        },
        StockRepository,
      ],
    };
  }

  onApplicationBootstrap(): void {
    this.relay.start(this.publisher);
  }
}
