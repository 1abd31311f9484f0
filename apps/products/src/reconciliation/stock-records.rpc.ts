import { Controller } from '@nestjs/common';
import { ReconciliationRpc, type RequestOf, type ResponseOf } from '@rookery/contracts';
import { RpcHandler } from '@rookery/messaging';
import { StockRecordQueries } from './stock-records.queries';

const { reservations, stock } = ReconciliationRpc;

@Controller()
export class RecordsRpc {
  constructor(private readonly queries: StockRecordQueries) {}

  @RpcHandler(reservations)
  list(range: RequestOf<typeof reservations>): Promise<ResponseOf<typeof reservations>> {
    return this.queries.reservations(range);
  }

  @RpcHandler(stock)
  check({ limit }: RequestOf<typeof stock>): Promise<ResponseOf<typeof stock>> {
    return this.queries.unbalanced(limit);
  }
}
