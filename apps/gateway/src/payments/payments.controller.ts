import { Controller, Get, Header, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { ListPayments, PaymentList, PaymentsRpc } from '@rookery/contracts';
import { RpcClient } from '@rookery/messaging';
import { accessOf, Exposes } from '../openapi/exposes.decorator';

@ApiTags('Payments')
@Controller('v1/payments')
export class PaymentsController {
  constructor(private readonly rpc: RpcClient) {}

  @Get()
  @Header('cache-control', 'private, no-store')
  @Exposes({
    summary: 'List the payments of an order',
    description: 'Empty for an order that does not belong to the caller.',
    access: accessOf(PaymentsRpc.list),
    success: { status: 200, description: 'The payments', schema: PaymentList, headers: ['Cache-Control'] },
  })
  list(@Query({ schema: ListPayments }) query: ListPayments): Promise<PaymentList> {
    return this.rpc.call(PaymentsRpc.list, query);
  }
}
