import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { type Reconcile, type Reconciliation, ReconciliationRpc } from '@rookery/contracts';
import { RpcHandler } from '@rookery/messaging';
import { ReconciliationService } from './reconciliation.service';

const { reconcile } = ReconciliationRpc;

@Controller()
export class ReconcileRpc {
  constructor(private readonly reconciliation: ReconciliationService) {}

  @RpcHandler(reconcile)
  reconcile(@Payload({ schema: reconcile.request }) request: Reconcile): Promise<Reconciliation> {
    return this.reconciliation.part(request);
  }
}
