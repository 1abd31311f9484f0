import { Module } from '@nestjs/common';
import { UnitOfWork } from '@rookery/persistence';
import { fromConfig } from '@rookery/platform';
import type { OrdersConfig } from '../orders.config';
import { Schedule } from '../schedule/schedule';
import { AdmissionGate } from './admission-gate';
import { OrderAdmission } from './order-admission';
import { SagaProgressReader } from './saga-progress';

const SAMPLE_INTERVAL_MS = 1_000;
/** Share of the deadline that the saga may lag: at twice the capacity, a new order would wait twice as long. */
const LAG_LIMIT = 0.4;

const lagLimitSeconds = (config: OrdersConfig): number =>
  config.ORDER_LAG_LIMIT_SECONDS ?? LAG_LIMIT * config.ORDER_DEADLINE_SECONDS;

const sampling = (gate: AdmissionGate): Schedule =>
  new Schedule([{ name: 'sample the lag of the saga', pauseMs: SAMPLE_INTERVAL_MS, run: () => gate.sample() }]);

@Module({
  providers: [
    fromConfig(OrderAdmission, (config: OrdersConfig) => new OrderAdmission({ lagSeconds: lagLimitSeconds(config) })),
    fromConfig(
      SagaProgressReader,
      (config: OrdersConfig, unitOfWork: UnitOfWork) =>
        new SagaProgressReader(unitOfWork, config.ORDER_DEADLINE_SECONDS),
      [UnitOfWork],
    ),
    AdmissionGate,
    { provide: Schedule, inject: [AdmissionGate], useFactory: sampling },
  ],
  exports: [AdmissionGate],
})
export class AdmissionModule {}
