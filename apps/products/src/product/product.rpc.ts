import { Controller } from '@nestjs/common';
import { type ProductPage, type ProductQuote, ProductsRpc, type ProductView, type RequestOf } from '@rookery/contracts';
import { RpcHandler } from '@rookery/messaging';
import { IdempotencyStore } from '@rookery/persistence';
import { currentContext, keyedRequest } from '@rookery/platform';
import { requireActor } from '@rookery/security';
import { ProductPages } from './product-pages';
import { ProductQueries } from './product.queries';
import { ProductService } from './product.service';

@Controller()
export class ProductRpc {
  constructor(
    private readonly pages: ProductPages,
    private readonly queries: ProductQueries,
    private readonly products: ProductService,
    private readonly requests: IdempotencyStore,
  ) {}

  @RpcHandler(ProductsRpc.list)
  list(request: RequestOf<typeof ProductsRpc.list>): Promise<ProductPage> {
    return this.pages.list(request);
  }

  @RpcHandler(ProductsRpc.get)
  get({ id }: RequestOf<typeof ProductsRpc.get>): Promise<ProductView> {
    return this.queries.get(id);
  }

  @RpcHandler(ProductsRpc.quote)
  async quote({ productIds }: RequestOf<typeof ProductsRpc.quote>): Promise<{ quotes: ProductQuote[] }> {
    return {
      quotes: await this.queries.quote(productIds, { includeArchived: currentContext()?.actor === undefined }),
    };
  }

  @RpcHandler(ProductsRpc.create)
  create(request: RequestOf<typeof ProductsRpc.create>) {
    return this.requests.once(keyedRequest(ProductsRpc.create, request), () => this.products.create(request));
  }

  @RpcHandler(ProductsRpc.change)
  change({ id, ifMatch, change }: RequestOf<typeof ProductsRpc.change>): Promise<ProductView> {
    return this.products.change(id, ifMatch, change);
  }

  @RpcHandler(ProductsRpc.archive)
  async archive({ id, ifMatch }: RequestOf<typeof ProductsRpc.archive>): Promise<Record<string, never>> {
    await this.products.archive(id, ifMatch);
    return {};
  }

  @RpcHandler(ProductsRpc.adjustStock)
  adjustStock(request: RequestOf<typeof ProductsRpc.adjustStock>) {
    const { id, adjustment } = request;
    return this.requests.once(keyedRequest(ProductsRpc.adjustStock, request), () =>
      this.products.adjustStock(id, adjustment, requireActor().subject),
    );
  }
}
