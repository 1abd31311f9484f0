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
import { ProductReads, productTag, type ProductRead } from './product-reads';

/** Anyone may reuse a product for a few seconds, a while longer while asking again, and longer still while we answer nothing but errors. */
const CATALOGUE_CACHE = 'public, max-age=5, stale-while-revalidate=30, stale-if-error=600';
/** What may be out of date already is not to be kept on: ask again. */
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
    private readonly reads: ProductReads,
  ) {}

  @Get()
  @Exposes({
    summary: 'List products',
    description:
      'A page of the catalogue. Follow `nextCursor` with the same filter and sort: the next page starts where this one ended, whatever has changed since. Names are sorted as a dictionary has them (Unicode collation). Prices are sorted within one currency: as soon as the catalogue has several, `sort=price` without `currency` is refused with 400.',
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
    return answer(await this.reads.list(query), ifNoneMatch, reply);
  }

  @Get(':id')
  @Exposes({
    summary: 'Read a product',
    access: accessOf(ProductsRpc.get),
    description:
      'While the catalogue cannot be reached, the answer may be some minutes old: it then has `Age` and `Warning`.',
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
    return answer(await this.reads.get(id), ifNoneMatch, reply);
  }

  @Post()
  @Exposes({
    summary: 'Add a product',
    description: 'The SKU must be new. The product is in the catalogue at once.',
    keyed: ProductsRpc.create,
    success: { status: 201, description: 'The new product', schema: ProductView, headers: ['Location', 'ETag'] },
    hasBody: true,
  })
  async create(
    @Body({ schema: CreateProduct }) body: CreateProduct,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ProductView> {
    const product = await this.rpc.call(ProductsRpc.create, body);
    await this.reads.changed(product.id);
    reply.header('location', `/v1/products/${product.id}`).header('etag', productTag(product));
    return product;
  }

  @Patch(':id')
  @Exposes({
    summary: 'Change a product',
    description:
      'Only the fields that are sent; null clears one. If-Match names the version that the change is based on.',
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
    reply.header('etag', productTag(product));
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
    const request = { id, ifMatch: expectedVersions(ifMatch) };
    await this.changing(id, () => this.rpc.call(ProductsRpc.archive, request));
  }

  @Post(':id/stock-adjustments')
  @Exposes({
    summary: 'Adjust a product’s stock',
    description: 'Adds units (positive `delta`) or takes them. The answer is the product as it is then.',
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
    reply.header('etag', productTag(product));
    return product;
  }

  /**
   * Whoever changes a product reads the change afterwards, without waiting for its event. Also when it was refused, because what
   * the client had read may be old, and when nobody knows whether it happened.
   */
  private async changing<Result>(id: string, change: () => Promise<Result>): Promise<Result> {
    try {
      return await change();
    } finally {
      await this.reads.changed(id);
    }
  }
}

function answer(
  { body, tag, staleSeconds }: ProductRead,
  ifNoneMatch: string | undefined,
  reply: FastifyReply,
): Buffer | undefined {
  reply.header('etag', tag).header('cache-control', staleSeconds === undefined ? CATALOGUE_CACHE : STALE_CACHE);
  if (staleSeconds !== undefined) {
    // RFC 9111 has given Warning up for Age; there are clients that show it.
    reply.header('age', String(staleSeconds)).header('warning', '110 - "Response is Stale"');
  }
  if (isNotModified(ifNoneMatch, tag)) {
    reply.status(304);
    return undefined;
  }
  // As bytes: a text would be made JSON once more.
  reply.type('application/json; charset=utf-8');
  return Buffer.from(body);
}
