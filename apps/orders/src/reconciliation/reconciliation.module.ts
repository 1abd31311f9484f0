import { Module } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { fromConfig } from '@rookery/platform';
import { OrderDeadline } from '../order/order-deadline';
import { OrderModule } from '../order/order.module';
import type { OrdersConfig } from '../orders.config';
import { Schedule } from '../schedule/schedule';
import { OpenDifferences } from './open-differences';
import { OrderRecords } from './order-records';
import { PeriodicReconciliation } from './periodic-reconciliation';
import { Reconciler, SettlingTime } from './reconciler';
import { ReconciliationMetrics } from './reconciliation.metrics';
import { ReconcileRpc } from './reconciliation.rpc';
import { ReconciliationService } from './reconciliation.service';

/** How soon a due reconciliation begins, and how soon a failed one is tried again. */
const PAUSE_MS = 60_000;
/** Delay of the first run: enough for the other services when all start together. */
const FIRST_AFTER_MS = 10_000;

const periodic = (
  config: OrdersConfig,
  dataSource: DataSource,
  reconciler: Reconciler,
  open: OpenDifferences,
  deadline: OrderDeadline,
): PeriodicReconciliation =>
  new PeriodicReconciliation(dataSource, reconciler, open, {
    intervalSeconds: config.RECONCILIATION_INTERVAL_SECONDS,
    deadline,
  });

const reconciling = (config: OrdersConfig, reconciliation: PeriodicReconciliation): Schedule =>
  new Schedule([
    {
      name: 'reconcile',
      pauseMs: Math.min(config.RECONCILIATION_INTERVAL_SECONDS * 1_000, PAUSE_MS),
      firstAfterMs: FIRST_AFTER_MS,
      run: (stopping) => reconciliation.run(stopping),
    },
  ]);

@Module({
  imports: [OrderModule],
  controllers: [ReconcileRpc],
  providers: [
    fromConfig(SettlingTime, (config: OrdersConfig) => new SettlingTime(config.RECONCILIATION_SETTLING_SECONDS)),
    fromConfig(PeriodicReconciliation, periodic, [DataSource, Reconciler, OpenDifferences, OrderDeadline]),
    fromConfig(Schedule, reconciling, [PeriodicReconciliation]),
    OpenDifferences,
    OrderRecords,
    Reconciler,
    ReconciliationMetrics,
    ReconciliationService,
  ],
})
export class ReconciliationModule {}
