import { Injectable } from '@nestjs/common';
import type { AdjustStock, ChangeProduct, CreateProduct, ProductView } from '@rookery/contracts';
import { UnitOfWork } from '@rookery/persistence';
import { uuidv7 } from '@rookery/platform';
import { StockHints } from '../stock/stock-hints';
import { StockRepository } from '../stock/stock.repository';
import { ProductCatalogue } from './product.catalogue';
import { Product } from './product.entity';
import { ProductRepository } from './product.repository';

/** The use cases that change the catalogue. Each answers what the catalogue then shows. */
@Injectable()
export class ProductService {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly products: ProductRepository,
    private readonly stock: StockRepository,
    private readonly hints: StockHints,
    private readonly catalogue: ProductCatalogue,
  ) {}

  async create(request: CreateProduct): Promise<ProductView> {
    const id = uuidv7();
    await this.unitOfWork.run(async (tx) => {
      await this.products.add(Product.create(id, request));
      await this.stock.open(tx, id, request.stock);
    });
    return this.catalogue.get(id);
  }

  async change(id: string, expectedVersions: readonly number[] | null, change: ChangeProduct): Promise<ProductView> {
    await this.products.update(id, (product) => product.change(change), { expectedVersions });
    return this.catalogue.get(id);
  }

  async archive(id: string, expectedVersions: readonly number[] | null): Promise<void> {
    await this.products.update(id, (product, _tx, now) => product.archive(now), { expectedVersions });
  }

  async adjustStock(id: string, adjustment: AdjustStock, actor: string): Promise<ProductView> {
    await this.unitOfWork.run(async (tx) => {
      await this.stock.adjust(tx, id, adjustment, actor);
      this.hints.changed([id]);
    });
    return this.catalogue.get(id);
  }
}
