import { Controller } from '@nestjs/common';
import { type ListPayments, type PaymentList, PaymentsRpc } from '@rookery/contracts';
import { RpcHandler } from '@rookery/messaging';
import { requireActor } from '@rookery/security';
import { PaymentService } from './payment.service';

@Controller()
export class PaymentRpc {
  constructor(private readonly payments: PaymentService) {}

  @RpcHandler(PaymentsRpc.list)
  list({ orderId }: ListPayments): Promise<PaymentList> {
    return this.payments.list(orderId, requireActor());
  }
}
