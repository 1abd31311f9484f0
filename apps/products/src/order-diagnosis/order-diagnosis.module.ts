import { Module } from '@nestjs/common';
import { ReservationDiagnosis } from './reservation-diagnosis';
import { DiagnosisRpc } from './reservation-diagnosis.rpc';

@Module({ controllers: [DiagnosisRpc], providers: [ReservationDiagnosis] })
export class OrderDiagnosisModule {}
