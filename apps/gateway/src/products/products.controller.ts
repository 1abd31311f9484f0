import { Body, Controller, Delete, Get, Headers, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiHeader, ApiParam, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import {
  AdjustStock,
  ChangeProduct,
  CreateProduct,
  ListProducts,
  ProductPage,
  ProductSorts,
  ProductsRpc,
  ProductView,
} from '@rookery/contracts';
import { RpcClient } from '@rookery/messaging';
import { isNotModified } from '../conditional/entity-tag';
import { expectedVersions } from '../conditional/preconditions';
import { accessOf, Exposes } from '../openapi/exposes.decorator';
import { pageLimitSchema, ProductId, productIdParameter } from '../openapi/parameters';
import { ProductCache, productEtag, type ProductResponse } from '../product-cache/product-cache';

/** Any cache may reuse a product for some seconds, for longer while it revalidates, and for longest while the gateway answers with errors. */
const CATALOG_CACHE = 'public, max-age=5, stale-while-revalidate=30, stale-if-error=600';
/** A stale response must not be cached further. */
const STALE_CACHE = 'no-cache';

const ifMatchHeader = {
  name: 'If-Match',
  required: true,
  description: 'ETag of the version the change is based on; `*` for any',
  schema: { type: 'string' },
  example: '*',
} as const;

@ApiTags('Products')
@Controller('v1/products')
export class ProductsController {
  constructor(
    private readonly rpc: RpcClient,
    private readonly cache: ProductCache,
  ) {}

  @Get()
  @Exposes({
    summary: 'List products',
    description:
      'A page of the catalog. Follow `nextCursor` with the same filter and sort: the next page starts where this one ended, even if the catalog has changed. A page of a search (`q`) may have fewer products than `limit`, or none, although more follow: it ends when `nextCursor` is null. Names are sorted in dictionary order (Unicode collation). Prices are sorted within one currency: when the catalog has several, `sort=price` without `currency` is rejected with 400.',
    access: accessOf(ProductsRpc.list),
    success: {
      status: 200,
      description: 'A page of products',
      schema: ProductPage,
      headers: ['ETag', 'Cache-Control', 'Age', 'Warning'],
    },
    conditionalRead: true,
  })
  @ApiQuery({ name: 'limit', required: false, description: 'Items per page', schema: pageLimitSchema })
  @ApiQuery({
    name: 'currency',
    required: false,
    description: 'Only products with a price in this currency (ISO 4217)',
    schema: { type: 'string', pattern: '^[A-Z]{3}$' },
  })
  @ApiQuery({ name: 'sort', required: false, schema: { type: 'string', enum: [...ProductSorts], default: 'name' } })
  async list(
    @Query({ schema: ListProducts }) query: ListProducts,
    @Headers('if-none-match') ifNoneMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Buffer | undefined> {
    return send(await this.cache.list(query), ifNoneMatch, reply);
  }

  @Get(':id')
  @Exposes({
    summary: 'Read a product',
    access: accessOf(ProductsRpc.get),
    description:
      'While the catalog is unavailable, the response may be some minutes old. It then has `Age` and `Warning`.',
    success: {
      status: 200,
      description: 'The product',
      schema: ProductView,
      headers: ['ETag', 'Cache-Control', 'Age', 'Warning'],
    },
    conditionalRead: true,
    problems: [404],
  })
  @ApiParam(productIdParameter)
  async get(
    @Param('id', { schema: ProductId }) id: string,
    @Headers('if-none-match') ifNoneMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Buffer | undefined> {
    return send(await this.cache.get(id), ifNoneMatch, reply);
  }

  @Post()
  @Exposes({
    summary: 'Add a product',
    description: 'The SKU must be new. The product appears in the catalog immediately.',
    keyed: ProductsRpc.create,
    success: { status: 201, description: 'The new product', schema: ProductView, headers: ['Location', 'ETag'] },
    hasBody: true,
  })
  async create(
    @Body({ schema: CreateProduct }) body: CreateProduct,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ProductView> {
    const product = await this.rpc.call(ProductsRpc.create, body);
    await this.cache.invalidateProduct(product.id);
    reply.header('location', `/v1/products/${product.id}`).header('etag', productEtag(product));
    return product;
  }

  @Patch(':id')
  @Exposes({
    summary: 'Change a product',
    description:
      'Changes only the fields that are sent; null clears a field. If-Match names the version that the change is based on.',
    access: accessOf(ProductsRpc.change),
    success: { status: 200, description: 'The changed product', schema: ProductView, headers: ['ETag'] },
    hasBody: true,
    problems: [404, 412, 428],
  })
  @ApiParam(productIdParameter)
  @ApiHeader(ifMatchHeader)
  async change(
    @Param('id', { schema: ProductId }) id: string,
    @Headers('if-match') ifMatch: string | undefined,
    @Body({ schema: ChangeProduct }) change: ChangeProduct,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ProductView> {
    const request = { id, ifMatch: expectedVersions(ifMatch), change };
    const product = await this.changing(id, () => this.rpc.call(ProductsRpc.change, request));
    reply.header('etag', productEtag(product));
    return product;
  }

  @Delete(':id')
  @Exposes({
    summary: 'Archive a product',
    description: 'Removes the product from the catalog. Existing orders keep it.',
    access: accessOf(ProductsRpc.archive),
    success: { status: 204, description: 'The product is archived' },
    problems: [404, 412, 413, 415, 428],
  })
  @ApiParam(productIdParameter)
  @ApiHeader(ifMatchHeader)
  async archive(
    @Param('id', { schema: ProductId }) id: string,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<void> {
    const request = { id, ifMatch: expectedVersions(ifMatch) };
    await this.changing(id, () => this.rpc.call(ProductsRpc.archive, request));
  }

  @Post(':id/stock-adjustments')
  @Exposes({
    summary: 'Adjust a product’s stock',
    description: 'Adds units (positive `delta`) or removes them. Responds with the changed product.',
    keyed: ProductsRpc.adjustStock,
    success: { status: 200, description: 'The product with its new stock', schema: ProductView, headers: ['ETag'] },
    hasBody: true,
    problems: [404],
  })
  @ApiParam(productIdParameter)
  async adjustStock(
    @Param('id', { schema: ProductId }) id: string,
    @Body({ schema: AdjustStock }) adjustment: AdjustStock,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ProductView> {
    const product = await this.changing(id, () => this.rpc.call(ProductsRpc.adjustStock, { id, adjustment }));
    reply.header('etag', productEtag(product));
    return product;
  }

  /**
   * A client that changes a product reads its own change, without waiting for the event. The cache is also invalidated after a
   * refusal, because what the client had read may be old, and when the outcome is unknown.
   */
  private async changing<Result>(id: string, change: () => Promise<Result>): Promise<Result> {
    try {
      return await change();
    } finally {
      await this.cache.invalidateProduct(id);
    }
  }
}

function send(
  { body, etag, staleSeconds }: ProductResponse,
  ifNoneMatch: string | undefined,
  reply: FastifyReply,
): Buffer | undefined {
  reply.header('etag', etag).header('cache-control', staleSeconds === undefined ? CATALOG_CACHE : STALE_CACHE);
  if (staleSeconds !== undefined) {
    // RFC 9111 has dropped Warning in favour of Age; some clients still show it.
    reply.header('age', String(staleSeconds)).header('warning', '110 - "Response is Stale"');
  }
  if (isNotModified(ifNoneMatch, etag)) {
    reply.status(304);
    return undefined;
  }
  // As bytes: a string would be serialized as JSON again.
  reply.type('application/json; charset=utf-8');
  return Buffer.from(body);
}
