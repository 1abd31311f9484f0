import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { type OrderPage, OrdersRpc, OrderTraceRpc, type OrderView } from '@rookery/contracts';
import { RpcHandler } from '@rookery/messaging';
import { IdempotencyStore } from '@rookery/persistence';
import { type Actor, keyedRequest, requireContext, Unauthenticated } from '@rookery/platform';
import type { z } from 'zod';
import { OrderTrace } from './order-trace';
import { OrderService } from './order.service';
import { OrderPlacement } from './place-order';

type Asked<Contract extends { readonly request: z.ZodType }> = z.output<Contract['request']>;

@Controller()
export class OrderRpc {
  constructor(
    private readonly orders: OrderService,
    private readonly placement: OrderPlacement,
    private readonly traces: OrderTrace,
    private readonly requests: IdempotencyStore,
  ) {}

  @RpcHandler(OrdersRpc.place)
  async place(@Payload({ schema: OrdersRpc.place.request }) request: Asked<typeof OrdersRpc.place>) {
    const placed = await this.placement.place(request, requireActor());
    return placed.map((order) => ({ order, replayed: placed.replayed }));
  }

  @RpcHandler(OrdersRpc.list)
  list(@Payload({ schema: OrdersRpc.list.request }) query: Asked<typeof OrdersRpc.list>): Promise<OrderPage> {
    return this.orders.list(query, requireActor());
  }

  @RpcHandler(OrdersRpc.get)
  get(@Payload({ schema: OrdersRpc.get.request }) { id }: Asked<typeof OrdersRpc.get>): Promise<OrderView> {
    return this.orders.get(id, requireActor());
  }

  @RpcHandler(OrdersRpc.timeline)
  timeline(@Payload({ schema: OrdersRpc.timeline.request }) { id, after }: Asked<typeof OrdersRpc.timeline>) {
    return this.orders.timeline(id, after, requireActor());
  }

  @RpcHandler(OrdersRpc.cancel)
  cancel(@Payload({ schema: OrdersRpc.cancel.request }) request: Asked<typeof OrdersRpc.cancel>) {
    return this.requests.once(keyedRequest(OrdersRpc.cancel, request), () =>
      this.orders.cancel(request.id, requireActor()),
    );
  }

  @RpcHandler(OrderTraceRpc.orders)
  trace(@Payload({ schema: OrderTraceRpc.orders.request }) { id, eventIds }: Asked<typeof OrderTraceRpc.orders>) {
    return this.traces.read(id, eventIds);
  }
}

function requireActor(): Actor {
  const { actor } = requireContext();
  if (!actor) throw new Unauthenticated();
  return actor;
}
