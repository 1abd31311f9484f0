import { Body, Controller, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Reconcile, Reconciliation, ReconciliationRpc } from '@rookery/contracts';
import { RpcClient } from '@rookery/messaging';
import { Exposes } from '../openapi/exposes.decorator';

@ApiTags('Operations')
@Controller('v1/ops/reconciliations')
export class ReconciliationsController {
  constructor(private readonly rpc: RpcClient) {}

  @Post()
  @Exposes({
    summary: 'Reconcile',
    description:
      'Compares orders, payments, stock and the provider’s ledger without changing them. Each response covers about two seconds of work: while `next` is not null, send it as `after` for the next part. Orders in progress are left out.',
    keyed: ReconciliationRpc.reconcile,
    success: { status: 200, description: 'The compared records and their differences', schema: Reconciliation },
    hasBody: true,
  })
  reconcile(@Body({ schema: Reconcile }) body: Reconcile): Promise<Reconciliation> {
    return this.rpc.call(ReconciliationRpc.reconcile, body);
  }
}
