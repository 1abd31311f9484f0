import { Module, type DynamicModule, type OnApplicationBootstrap } from '@nestjs/common';
import { DeadLettersModule, EventPublisher, MessagingModule, Nats, natsOptions } from '@rookery/messaging';
import { OutboxRelay, PersistenceModule, UnitOfWork } from '@rookery/persistence';
import { Cursors, HealthModule } from '@rookery/platform';
import { SecurityModule } from '@rookery/security';
import { productsDatabase } from './data-source';
import { ProductCatalogue } from './product/product.catalogue';
import { ProductRepository } from './product/product.repository';
import { ProductRpc } from './product/product.rpc';
import { ProductService } from './product/product.service';
import type { ProductsConfig } from './products.config';
import { ReservationTrace } from './reservation/reservation-trace';
import { ReservationConsumer } from './reservation/reservation.consumer';
import { ReservationRepository } from './reservation/reservation.repository';
import { ReservationRpc } from './reservation/reservation.rpc';
import { ReservationService } from './reservation/reservation.service';
import { SettlementQueries } from './settlement/settlement.queries';
import { SettlementRpc } from './settlement/settlement.rpc';
import { StockHints } from './stock/stock-hints';
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
      controllers: [ProductRpc, ReservationRpc, SettlementRpc, ReservationConsumer],
      providers: [
        { provide: Cursors, useFactory: () => new Cursors(config.CURSOR_KEY, 'products') },
        ProductCatalogue,
        ProductRepository,
        ProductService,
        ReservationRepository,
        ReservationService,
        SettlementQueries,
        ReservationTrace,
        {
          provide: StockHints,
          inject: [UnitOfWork, Nats],
          useFactory: (unitOfWork: UnitOfWork, nats: Nats) =>
            new StockHints(unitOfWork, (subject) => {
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
