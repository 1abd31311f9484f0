import { Body, Controller, Delete, Get, Headers, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiHeader, ApiParam, ApiQuery, ApiTags } from '@nestjs/swagger';
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
import type { FastifyReply } from 'fastify';
import { isNotModified } from '../conditional/entity-tag';
import { expectedVersions } from '../conditional/preconditions';
import { accessOf, Exposes } from '../openapi/exposes.decorator';
import { pageLimitSchema, ProductId, productIdParameter } from '../openapi/parameters';

/** Anyone may reuse a product for a few seconds, and a while longer while asking again. */
const CATALOGUE_CACHE = 'public, max-age=5, stale-while-revalidate=30';

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
  constructor(private readonly rpc: RpcClient) {}

  @Get()
  @Exposes({
    summary: 'List products',
    description: 'A page of the catalogue. Follow `nextCursor` with the same filter and sort.',
    access: accessOf(ProductsRpc.list),
    success: { status: 200, description: 'A page of products', schema: ProductPage, headers: ['Cache-Control'] },
  })
  @ApiQuery({ name: 'limit', required: false, description: 'Items per page', schema: pageLimitSchema })
  @ApiQuery({ name: 'sort', required: false, schema: { type: 'string', enum: [...ProductSorts], default: 'name' } })
  async list(
    @Query({ schema: ListProducts }) query: ListProducts,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ProductPage> {
    const page = await this.rpc.call(ProductsRpc.list, query);
    reply.header('cache-control', CATALOGUE_CACHE);
    return page;
  }

  @Get(':id')
  @Exposes({
    summary: 'Read a product',
    access: accessOf(ProductsRpc.get),
    success: { status: 200, description: 'The product', schema: ProductView, headers: ['ETag', 'Cache-Control'] },
    conditionalRead: true,
    problems: [404],
  })
  @ApiParam(productIdParameter)
  async get(
    @Param('id', { schema: ProductId }) id: string,
    @Headers('if-none-match') ifNoneMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ProductView | undefined> {
    const product = await this.rpc.call(ProductsRpc.get, { id });
    reply.header('etag', entityTag(product)).header('cache-control', CATALOGUE_CACHE);
    if (!isNotModified(ifNoneMatch, entityTag(product))) return product;
    reply.status(304);
    return undefined;
  }

  @Post()
  @Exposes({
    summary: 'Add a product',
    access: accessOf(ProductsRpc.create),
    success: { status: 201, description: 'The new product', schema: ProductView, headers: ['Location', 'ETag'] },
    hasBody: true,
    problems: [409],
  })
  async create(
    @Body({ schema: CreateProduct }) body: CreateProduct,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ProductView> {
    const product = await this.rpc.call(ProductsRpc.create, body);
    reply.header('location', `/v1/products/${product.id}`).header('etag', entityTag(product));
    return product;
  }

  @Patch(':id')
  @Exposes({
    summary: 'Change a product',
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
    const product = await this.rpc.call(ProductsRpc.change, { id, ifMatch: expectedVersions(ifMatch), change });
    reply.header('etag', entityTag(product));
    return product;
  }

  @Delete(':id')
  @Exposes({
    summary: 'Archive a product',
    description: 'Takes the product out of the catalogue. Orders that have it keep it.',
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
    await this.rpc.call(ProductsRpc.archive, { id, ifMatch: expectedVersions(ifMatch) });
  }

  @Post(':id/stock-adjustments')
  @Exposes({
    summary: 'Adjust a product’s stock',
    description: 'Adds units (positive `delta`) or takes them. The answer is the product as it is then.',
    access: accessOf(ProductsRpc.adjustStock),
    success: { status: 200, description: 'The product with its new stock', schema: ProductView, headers: ['ETag'] },
    hasBody: true,
    problems: [404, 409],
  })
  @ApiParam(productIdParameter)
  async adjustStock(
    @Param('id', { schema: ProductId }) id: string,
    @Body({ schema: AdjustStock }) adjustment: AdjustStock,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ProductView> {
    const product = await this.rpc.call(ProductsRpc.adjustStock, { id, adjustment });
    reply.header('etag', entityTag(product));
    return product;
  }
}

/** Stock changes without a new version, so the tag of a product has both. */
function entityTag(product: ProductView): string {
  return `"${product.version}.${product.stock.available}"`;
}
