import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { ReconciliationRpc, type PaymentSettlement, type SettlementRange } from '@rookery/contracts';
import { RpcHandler } from '@rookery/messaging';
import { SettlementService } from './settlement.service';

const { payments } = ReconciliationRpc;

@Controller()
export class SettlementRpc {
  constructor(private readonly settlements: SettlementService) {}

  @RpcHandler(payments)
  list(
    @Payload({ schema: payments.request }) range: SettlementRange,
  ): Promise<{ upTo: string; items: PaymentSettlement[] }> {
    return this.settlements.list(range);
  }
}
