import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { ProductsRpc, type ProductPage, type ProductQuote, type ProductView } from '@rookery/contracts';
import { RpcHandler } from '@rookery/messaging';
import { IdempotencyStore } from '@rookery/persistence';
import { currentContext, keyedRequest } from '@rookery/platform';
import { requireActor } from '@rookery/security';
import type { z } from 'zod';
import { ProductCatalogue } from './product.catalogue';
import { ProductService } from './product.service';

type RequestOf<Name extends keyof typeof ProductsRpc> = z.output<(typeof ProductsRpc)[Name]['request']>;

@Controller()
export class ProductRpc {
  constructor(
    private readonly catalogue: ProductCatalogue,
    private readonly products: ProductService,
    private readonly requests: IdempotencyStore,
  ) {}

  @RpcHandler(ProductsRpc.list)
  list(@Payload({ schema: ProductsRpc.list.request }) request: RequestOf<'list'>): Promise<ProductPage> {
    return this.catalogue.list(request);
  }

  @RpcHandler(ProductsRpc.get)
  get(@Payload({ schema: ProductsRpc.get.request }) { id }: RequestOf<'get'>): Promise<ProductView> {
    return this.catalogue.get(id);
  }

  @RpcHandler(ProductsRpc.quote)
  async quote(
    @Payload({ schema: ProductsRpc.quote.request }) { productIds }: RequestOf<'quote'>,
  ): Promise<{ quotes: ProductQuote[] }> {
    return {
      quotes: await this.catalogue.quote(productIds, { includeArchived: currentContext()?.actor === undefined }),
    };
  }

  @RpcHandler(ProductsRpc.create)
  create(@Payload({ schema: ProductsRpc.create.request }) request: RequestOf<'create'>) {
    return this.requests.once(keyedRequest(ProductsRpc.create, request), () => this.products.create(request));
  }

  @RpcHandler(ProductsRpc.change)
  change(
    @Payload({ schema: ProductsRpc.change.request }) { id, ifMatch, change }: RequestOf<'change'>,
  ): Promise<ProductView> {
    return this.products.change(id, ifMatch, change);
  }

  @RpcHandler(ProductsRpc.archive)
  async archive(
    @Payload({ schema: ProductsRpc.archive.request }) { id, ifMatch }: RequestOf<'archive'>,
  ): Promise<Record<string, never>> {
    await this.products.archive(id, ifMatch);
    return {};
  }

  @RpcHandler(ProductsRpc.adjustStock)
  adjustStock(@Payload({ schema: ProductsRpc.adjustStock.request }) request: RequestOf<'adjustStock'>) {
    const { id, adjustment } = request;
    return this.requests.once(keyedRequest(ProductsRpc.adjustStock, request), () =>
      this.products.adjustStock(id, adjustment, requireActor().subject),
    );
  }
}
