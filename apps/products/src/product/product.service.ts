import { Injectable } from '@nestjs/common';
import type { AdjustStock, ChangeProduct, CreateProduct, ProductView } from '@rookery/contracts';
import { UnitOfWork } from '@rookery/persistence';
import { uuidv7 } from '@rookery/platform';
import { StockChangeNotifier } from '../stock/stock-change-notifier';
import { StockRepository } from '../stock/stock.repository';
import { Product } from './product.entity';
import { ProductNotFound } from './product.errors';
import { ProductQueries } from './product.queries';
import { ProductRepository } from './product.repository';

/** The use cases that change the catalog. Each returns the product as the catalog then shows it. */
@Injectable()
export class ProductService {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly products: ProductRepository,
    private readonly stock: StockRepository,
    private readonly notifier: StockChangeNotifier,
    private readonly queries: ProductQueries,
  ) {}

  async create(request: CreateProduct): Promise<ProductView> {
    const id = uuidv7();
    await this.unitOfWork.run(async (tx) => {
      await this.products.add(Product.create(id, request));
      await this.stock.open(tx, id, request.stock);
    });
    return this.queries.get(id);
  }

  async change(id: string, expectedVersions: readonly number[] | null, change: ChangeProduct): Promise<ProductView> {
    await this.products.update(id, (product) => product.change(change), { expectedVersions });
    return this.queries.get(id);
  }

  async archive(id: string, expectedVersions: readonly number[] | null): Promise<void> {
    await this.products.update(id, (product, _tx, now) => product.archive(now), { expectedVersions });
  }

  async adjustStock(id: string, adjustment: AdjustStock, actor: string): Promise<ProductView> {
    await this.unitOfWork.run(async (tx) => {
      if (!(await this.stock.adjust(tx, id, adjustment, actor))) {
        throw new ProductNotFound(id);
      }
      this.notifier.changed([id]);
    });
    return this.queries.get(id);
  }
}
