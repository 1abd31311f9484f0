import { Injectable } from '@nestjs/common';
import { AggregateRepository, isUniqueViolation, Outbox, UnitOfWork } from '@rookery/persistence';
import { Product } from './product.entity';
import { ProductNotFound, SkuTaken } from './product.errors';

@Injectable()
export class ProductRepository extends AggregateRepository<Product> {
  constructor(unitOfWork: UnitOfWork, outbox: Outbox) {
    super(unitOfWork, outbox, Product);
  }

  override async add(product: Product): Promise<void> {
    try {
      await super.add(product);
    } catch (error) {
      throw isUniqueViolation(error, 'products_sku_key') ? new SkuTaken(product.sku) : error;
    }
  }

  protected override notFound(id: string): ProductNotFound {
    return new ProductNotFound(id);
  }
}
