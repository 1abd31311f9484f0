import { Controller } from '@nestjs/common';
import { type OrderPage, OrdersRpc, type OrderView, type RequestOf } from '@rookery/contracts';
import { RpcHandler } from '@rookery/messaging';
import { IdempotencyStore } from '@rookery/persistence';
import { keyedRequest } from '@rookery/platform';
import { requireActor } from '@rookery/security';
import { OrderPlacement } from './order-placement';
import { OrderService } from './order.service';

@Controller()
export class OrderRpc {
  constructor(
    private readonly orders: OrderService,
    private readonly placement: OrderPlacement,
    private readonly requests: IdempotencyStore,
  ) {}

  @RpcHandler(OrdersRpc.place)
  async place(request: RequestOf<typeof OrdersRpc.place>) {
    const placed = await this.placement.place(request, requireActor());
    return placed.map((order) => ({ order, replayed: placed.replayed }));
  }

  @RpcHandler(OrdersRpc.list)
  list(query: RequestOf<typeof OrdersRpc.list>): Promise<OrderPage> {
    return this.orders.list(query, requireActor());
  }

  @RpcHandler(OrdersRpc.get)
  get({ id }: RequestOf<typeof OrdersRpc.get>): Promise<OrderView> {
    return this.orders.get(id, requireActor());
  }

  @RpcHandler(OrdersRpc.timeline)
  timeline({ id, after }: RequestOf<typeof OrdersRpc.timeline>) {
    return this.orders.timeline(id, after, requireActor());
  }

  @RpcHandler(OrdersRpc.cancel)
  cancel(request: RequestOf<typeof OrdersRpc.cancel>) {
    return this.requests.once(keyedRequest(OrdersRpc.cancel, request), () =>
      this.orders.cancel(request.id, requireActor()),
    );
  }
}
