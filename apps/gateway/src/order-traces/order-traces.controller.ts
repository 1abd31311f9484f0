import { Controller, Get, Header, Param } from '@nestjs/common';
import { ApiParam, ApiTags } from '@nestjs/swagger';
import { Id, OrderDiagnosis, OrderDiagnosisRpc } from '@rookery/contracts';
import { RpcClient } from '@rookery/messaging';
import { ServiceUnavailable } from '@rookery/platform';
import { accessOf, Exposes } from '../openapi/exposes.decorator';
import { factsOf, lettersOf } from './order-facts';
import { traceOf } from './order-trace';

@ApiTags('Operations')
@Controller('v1/ops/orders')
export class OrderTracesController {
  constructor(private readonly rpc: RpcClient) {}

  @Get(':id')
  @Header('cache-control', 'private, no-store')
  @Exposes({
    summary: 'Explain where an order is',
    description:
      'What the order waits for, in one sentence, and what every service knows of it: its events, who has taken them, the payment with its tries, the reservation, dead letters. A service that does not answer is named and its part is missing; 503 when none does.',
    access: accessOf(OrderDiagnosisRpc.orders),
    success: { status: 200, description: 'The order’s trace', schema: OrderDiagnosis, headers: ['Cache-Control'] },
    problems: [404],
  })
  @ApiParam({ name: 'id', description: 'Id of the order' })
  async show(@Param('id', { schema: Id }) orderId: string): Promise<OrderDiagnosis> {
    const id = orderId.toLowerCase();
    const [facts, letters] = await Promise.all([factsOf(this.rpc, id), lettersOf(this.rpc)]);
    if ([facts.orders, facts.payments, facts.products].every((answer) => answer.facts === null)) {
      throw new ServiceUnavailable('None of the services that know of orders answers now.');
    }
    return traceOf(id, facts, letters, new Date());
  }
}
