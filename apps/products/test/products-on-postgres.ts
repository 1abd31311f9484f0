import type { DataSource } from 'typeorm';
import { type CreateProduct, ProductsRpc } from '@rookery/contracts';
import { connect, Inbox, InboxMetrics, Outbox, Searches, UnitOfWork } from '@rookery/persistence';
import { Cursors, Metrics, uuidv7 } from '@rookery/platform';
import { testDatabase, type TestDatabase } from '@rookery/testing';
import { productsDatabase } from '../src/database';
import { ProductPages } from '../src/product/product-pages';
import { ProductQueries } from '../src/product/product.queries';
import { ProductRepository } from '../src/product/product.repository';
import { ProductService } from '../src/product/product.service';
import { StockRecordQueries } from '../src/reconciliation/stock-records.queries';
import { ReservationRepository } from '../src/reservation/reservation.repository';
import { ReservationService } from '../src/reservation/reservation.service';
import { StockChangeNotifier } from '../src/stock/stock-change-notifier';
import { StockRepository } from '../src/stock/stock.repository';

/** The rules and statements of products on a real Postgres, without transport. */
export interface ProductsOnPostgres {
  readonly database: TestDatabase;
  readonly dataSource: DataSource;
  readonly pages: ProductPages;
  readonly queries: ProductQueries;
  readonly products: ProductService;
  readonly reservations: ReservationService;
  readonly inbox: Inbox;
  readonly records: StockRecordQueries;
  stop(): Promise<void>;
}

export async function productsOnPostgres(poolSize = 20): Promise<ProductsOnPostgres> {
  const database = await testDatabase('products', productsDatabase({ DATABASE_URL: '' }));
  const dataSource = await connect(productsDatabase({ DATABASE_URL: database.url, DATABASE_POOL_SIZE: poolSize }));
  const unitOfWork = new UnitOfWork(dataSource);
  const outbox = new Outbox(unitOfWork);
  const stock = new StockRepository();
  const notifier = new StockChangeNotifier(unitOfWork, () => undefined);
  const queries = new ProductQueries(dataSource, unitOfWork);
  const cursors = new Cursors('a secret of the catalog', 'products');
  return {
    database,
    dataSource,
    pages: new ProductPages(dataSource, new Searches(unitOfWork, 'products'), cursors),
    queries,
    products: new ProductService(unitOfWork, new ProductRepository(unitOfWork, outbox), stock, notifier, queries),
    reservations: new ReservationService(unitOfWork, new ReservationRepository(unitOfWork, outbox), stock, notifier),
    inbox: new Inbox(unitOfWork, 'products', new InboxMetrics(new Metrics())),
    records: new StockRecordQueries(dataSource),
    stop: async () => {
      await dataSource.destroy();
      await database.drop();
    },
  };
}

/** A request for a product that can be told from any other. */
export const aProduct = (changes: Partial<CreateProduct> = {}): CreateProduct =>
  ProductsRpc.create.request.parse({
    sku: `sku-${uuidv7()}`,
    name: 'Nest box',
    price: { amountMinor: 24_90, currency: 'EUR' },
    ...changes,
  });
