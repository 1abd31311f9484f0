import { Controller } from '@nestjs/common';
import { type Reconcile, type Reconciliation, ReconciliationRpc } from '@rookery/contracts';
import { RpcHandler } from '@rookery/messaging';
import { IdempotencyStore } from '@rookery/persistence';
import { type KeyedAnswer, keyedRequest } from '@rookery/platform';
import { ReconciliationService } from './reconciliation.service';

const { reconcile } = ReconciliationRpc;

@Controller()
export class ReconcileRpc {
  constructor(
    private readonly reconciliation: ReconciliationService,
    private readonly requests: IdempotencyStore,
  ) {}

  @RpcHandler(reconcile)
  reconcile(request: Reconcile): Promise<KeyedAnswer<Reconciliation>> {
    return this.requests.act(keyedRequest(reconcile, request), () => this.reconciliation.part(request));
  }
}
