import { Module } from '@nestjs/common';
import { OrderDiagnosis } from './order-diagnosis';
import { DiagnosisRpc } from './order-diagnosis.rpc';

@Module({ controllers: [DiagnosisRpc], providers: [OrderDiagnosis] })
export class OrderDiagnosisModule {}
