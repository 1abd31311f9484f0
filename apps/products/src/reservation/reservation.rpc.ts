import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { OrderTraceRpc } from '@rookery/contracts';
import { RpcHandler } from '@rookery/messaging';
import type { z } from 'zod';
import { ReservationTrace } from './reservation-trace';

type AskedToTrace = z.output<typeof OrderTraceRpc.products.request>;

@Controller()
export class ReservationRpc {
  constructor(private readonly traces: ReservationTrace) {}

  @RpcHandler(OrderTraceRpc.products)
  trace(@Payload({ schema: OrderTraceRpc.products.request }) { id, eventIds }: AskedToTrace) {
    return this.traces.read(id, eventIds);
  }
}
