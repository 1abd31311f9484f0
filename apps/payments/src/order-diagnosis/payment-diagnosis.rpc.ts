import { Controller } from '@nestjs/common';
import { OrderDiagnosisRpc, type RequestOf, type ResponseOf } from '@rookery/contracts';
import { RpcHandler } from '@rookery/messaging';
import { PaymentDiagnosis } from './payment-diagnosis';

const { payments } = OrderDiagnosisRpc;

@Controller()
export class DiagnosisRpc {
  constructor(private readonly diagnosis: PaymentDiagnosis) {}

  @RpcHandler(payments)
  read({ id, eventIds }: RequestOf<typeof payments>): Promise<ResponseOf<typeof payments>> {
    return this.diagnosis.read(id, eventIds);
  }
}
