import { Module } from '@nestjs/common';
import { Cursors, fromConfig } from '@rookery/platform';
import type { ProductsConfig } from '../products.config';
import { StockModule } from '../stock/stock.module';
import { ProductPages } from './product-pages';
import { ProductQueries } from './product.queries';
import { ProductRepository } from './product.repository';
import { ProductRpc } from './product.rpc';
import { ProductService } from './product.service';

@Module({
  imports: [StockModule],
  controllers: [ProductRpc],
  providers: [
    fromConfig(Cursors, (config: ProductsConfig) => new Cursors(config.CURSOR_KEY, 'products')),
    ProductPages,
    ProductQueries,
    ProductRepository,
    ProductService,
  ],
})
export class ProductModule {}
