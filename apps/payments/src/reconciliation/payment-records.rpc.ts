import { Controller } from '@nestjs/common';
import { ReconciliationRpc, type RequestOf, type ResponseOf } from '@rookery/contracts';
import { RpcHandler } from '@rookery/messaging';
import { PaymentRecordQueries } from './payment-records.queries';

const { payments } = ReconciliationRpc;

@Controller()
export class RecordsRpc {
  constructor(private readonly records: PaymentRecordQueries) {}

  @RpcHandler(payments)
  list(range: RequestOf<typeof payments>): Promise<ResponseOf<typeof payments>> {
    return this.records.list(range);
  }
}
