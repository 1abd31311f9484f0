import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { ReconciliationRpc, type ReservationSettlement, type SettlementRange } from '@rookery/contracts';
import { RpcHandler } from '@rookery/messaging';
import { SettlementQueries, type StockCheck } from './settlement.queries';

const { reservations, stock } = ReconciliationRpc;

@Controller()
export class SettlementRpc {
  constructor(private readonly queries: SettlementQueries) {}

  @RpcHandler(reservations)
  list(
    @Payload({ schema: reservations.request }) range: SettlementRange,
  ): Promise<{ upTo: string; items: ReservationSettlement[] }> {
    return this.queries.reservations(range);
  }

  @RpcHandler(stock)
  check(@Payload({ schema: stock.request }) { limit }: { limit: number }): Promise<StockCheck> {
    return this.queries.unbalanced(limit);
  }
}
