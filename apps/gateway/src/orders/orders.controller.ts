import { Body, Controller, Get, Header, Headers, Param, Post, Query, Res } from '@nestjs/common';
import { ApiQuery, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Id, ListOrders, OrderPage, OrdersRpc, OrderView, PlaceOrder, Timeline } from '@rookery/contracts';
import { RpcClient } from '@rookery/messaging';
import { isNotModified } from '../conditional/entity-tag';
import { accessOf, Exposes } from '../openapi/exposes.decorator';
import { pageLimitSchema } from '../openapi/parameters';

/** An order is private to its customer and changes while the saga runs: caches must revalidate it. */
const PRIVATE_CACHE = 'private, no-cache';

@ApiTags('Orders')
@Controller('v1/orders')
export class OrdersController {
  constructor(private readonly rpc: RpcClient) {}

  @Post()
  @Exposes({
    summary: 'Place an order',
    description:
      'The order starts as Pending; funds and stock are reserved after the response. Repeating the request with the same Idempotency-Key returns the first response. With `expectedTotal`, an order whose total has changed is rejected with 409 `orders.total-changed` and both totals; nothing is stored and the key stays unused.',
    keyed: OrdersRpc.place,
    success: {
      status: 201,
      description: 'The order, Pending',
      schema: OrderView,
      headers: ['Location', 'ETag'],
    },
    hasBody: true,
  })
  async place(
    @Body({ schema: PlaceOrder }) body: PlaceOrder,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OrderView> {
    const { order, replayed } = await this.rpc.call(OrdersRpc.place, body);
    reply.header('location', `/v1/orders/${order.id}`).header('etag', entityTag(order));
    // A replica of orders of an earlier release reports it only here.
    if (replayed) {
      reply.header('idempotent-replayed', 'true');
    }
    return order;
  }

  @Get()
  @Header('cache-control', PRIVATE_CACHE)
  @Exposes({
    summary: 'List orders',
    description: 'The caller’s orders, newest first; an operator sees all orders.',
    access: accessOf(OrdersRpc.list),
    success: { status: 200, description: 'A page of orders', schema: OrderPage, headers: ['Cache-Control'] },
  })
  @ApiQuery({ name: 'limit', required: false, description: 'Items per page', schema: pageLimitSchema })
  list(@Query({ schema: ListOrders }) query: ListOrders): Promise<OrderPage> {
    return this.rpc.call(OrdersRpc.list, query);
  }

  @Get(':id')
  @Exposes({
    summary: 'Read an order',
    description: 'The present state of the order; its steps are in its timeline.',
    access: accessOf(OrdersRpc.get),
    success: { status: 200, description: 'The order', schema: OrderView, headers: ['ETag', 'Cache-Control'] },
    conditionalRead: true,
    problems: [404],
  })
  async get(
    @Param('id', { schema: Id }) id: string,
    @Headers('if-none-match') ifNoneMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OrderView | undefined> {
    const order = await this.rpc.call(OrdersRpc.get, { id });
    reply.header('etag', entityTag(order)).header('cache-control', PRIVATE_CACHE);
    if (!isNotModified(ifNoneMatch, entityTag(order))) {
      return order;
    }
    reply.status(304);
    return undefined;
  }

  @Get(':id/timeline')
  @Header('cache-control', PRIVATE_CACHE)
  @Exposes({
    summary: 'Read an order’s timeline',
    description: 'The history of the order: each step of the saga with its service, time, attempt and cause.',
    access: accessOf(OrdersRpc.timeline),
    success: { status: 200, description: 'The steps, oldest first', schema: Timeline, headers: ['Cache-Control'] },
    problems: [404],
  })
  async timeline(@Param('id', { schema: Id }) id: string): Promise<Timeline> {
    const { items } = await this.rpc.call(OrdersRpc.timeline, { id, after: 0 });
    return { items };
  }

  @Post(':id/cancellations')
  @Exposes({
    summary: 'Cancel an order',
    description: 'Only while the order is Pending. Its reservations are released after the response.',
    keyed: OrdersRpc.cancel,
    success: { status: 202, description: 'The canceled order', schema: OrderView, headers: ['ETag'] },
    problems: [404, 413, 415],
  })
  async cancel(
    @Param('id', { schema: Id }) id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OrderView> {
    const order = await this.rpc.call(OrdersRpc.cancel, { id });
    reply.header('etag', entityTag(order));
    return order;
  }
}

function entityTag(order: OrderView): string {
  return `"${order.version}"`;
}
