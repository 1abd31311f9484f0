import { Controller } from '@nestjs/common';
import { OrderDiagnosisRpc, type RequestOf, type ResponseOf } from '@rookery/contracts';
import { RpcHandler } from '@rookery/messaging';
import { ReservationDiagnosis } from './reservation-diagnosis';

const { products } = OrderDiagnosisRpc;

@Controller()
export class DiagnosisRpc {
  constructor(private readonly diagnosis: ReservationDiagnosis) {}

  @RpcHandler(products)
  read({ id, eventIds }: RequestOf<typeof products>): Promise<ResponseOf<typeof products>> {
    return this.diagnosis.read(id, eventIds);
  }
}
