import { Controller } from '@nestjs/common';
import { OrderDiagnosisRpc, type RequestOf, type ResponseOf } from '@rookery/contracts';
import { RpcHandler } from '@rookery/messaging';
import { OrderDiagnosis } from './order-diagnosis';

const { orders } = OrderDiagnosisRpc;

@Controller()
export class DiagnosisRpc {
  constructor(private readonly diagnosis: OrderDiagnosis) {}

  @RpcHandler(orders)
  read({ id, eventIds }: RequestOf<typeof orders>): Promise<ResponseOf<typeof orders>> {
    return this.diagnosis.read(id, eventIds);
  }
}
