import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { OrderTraceRpc, PaymentsRpc, type ListPayments, type PaymentList } from '@rookery/contracts';
import { RpcHandler } from '@rookery/messaging';
import { requireActor } from '@rookery/security';
import type { z } from 'zod';
import { PaymentTrace } from './payment-trace';
import { PaymentService } from './payment.service';

type AskedToTrace = z.output<typeof OrderTraceRpc.payments.request>;

@Controller()
export class PaymentRpc {
  constructor(
    private readonly payments: PaymentService,
    private readonly traces: PaymentTrace,
  ) {}

  @RpcHandler(PaymentsRpc.list)
  list(@Payload({ schema: PaymentsRpc.list.request }) { orderId }: ListPayments): Promise<PaymentList> {
    return this.payments.list(orderId, requireActor());
  }

  @RpcHandler(OrderTraceRpc.payments)
  trace(@Payload({ schema: OrderTraceRpc.payments.request }) { id, eventIds }: AskedToTrace) {
    return this.traces.read(id, eventIds);
  }
}
