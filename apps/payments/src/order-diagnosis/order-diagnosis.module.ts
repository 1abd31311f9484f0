import { Module } from '@nestjs/common';
import { PaymentDiagnosis } from './payment-diagnosis';
import { DiagnosisRpc } from './payment-diagnosis.rpc';

@Module({ controllers: [DiagnosisRpc], providers: [PaymentDiagnosis] })
export class OrderDiagnosisModule {}
