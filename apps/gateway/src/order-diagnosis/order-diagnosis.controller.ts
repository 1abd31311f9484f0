import { Controller, Get, Header, Param } from '@nestjs/common';
import { ApiParam, ApiTags } from '@nestjs/swagger';
import { Id, OrderDiagnosis, OrderDiagnosisRpc } from '@rookery/contracts';
import { RpcClient } from '@rookery/messaging';
import { ServiceUnavailable } from '@rookery/platform';
import { accessOf, Exposes } from '../openapi/exposes.decorator';
import { diagnose } from './order-diagnosis';
import { factsOf, lettersOf } from './order-facts';

/** Its name is part of the operation id, which clients may rely on. */
@ApiTags('Operations')
@Controller('v1/ops/orders')
export class OrderTracesController {
  constructor(private readonly rpc: RpcClient) {}

  @Get(':id')
  @Header('cache-control', 'private, no-store')
  @Exposes({
    summary: 'Explain the state of an order',
    description:
      'What the order is blocked on, in one sentence, and what each service knows about it: its events and who has handled them, the payment with its attempts, the reservation, dead letters. A service that does not respond is named and its part is missing; 503 when no service responds.',
    access: accessOf(OrderDiagnosisRpc.orders),
    success: { status: 200, description: 'The order’s diagnosis', schema: OrderDiagnosis, headers: ['Cache-Control'] },
    problems: [404],
  })
  @ApiParam({ name: 'id', description: 'Id of the order' })
  async show(@Param('id', { schema: Id }) orderId: string): Promise<OrderDiagnosis> {
    const id = orderId.toLowerCase();
    const [facts, letters] = await Promise.all([factsOf(this.rpc, id), lettersOf(this.rpc)]);
    if ([facts.orders, facts.payments, facts.products].every((answer) => answer.facts === null)) {
      throw new ServiceUnavailable('None of the services that know about orders is available.');
    }
    return diagnose(id, facts, letters, new Date());
  }
}
