import { type DynamicModule, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { DeadLettersModule, EventPublisher, MessagingModule, natsOptions } from '@rookery/messaging';
import { OutboxRelay, PersistenceModule, UnitOfWork } from '@rookery/persistence';
import { Cursors, HealthModule } from '@rookery/platform';
import { SecurityModule, TokenSealer } from '@rookery/security';
import { DataSource } from 'typeorm';
import { ordersDatabase } from './data-source';
import { DeadlineSweeper } from './deadline/deadline-sweeper';
import { OrderDeadline } from './order/order-deadline';
import { AdmissionGate } from './admission/admission-gate';
import { OrderAdmission } from './admission/order-admission';
import { SagaProgressReader } from './admission/saga-progress';
import { OrderDiagnosis } from './order-diagnosis/order-diagnosis';
import { DiagnosisRpc } from './order-diagnosis/order-diagnosis.rpc';
import { OrderConsumer } from './order/order.consumer';
import { OrderRepository } from './order/order.repository';
import { OrderRpc } from './order/order.rpc';
import { OrderService } from './order/order.service';
import { OrderPlacement } from './order/order-placement';
import type { OrdersConfig } from './orders.config';
import { OpenDifferences } from './reconciliation/open-differences';
import { OrderRecords } from './reconciliation/order-records';
import { PeriodicReconciliation } from './reconciliation/periodic-reconciliation';
import { Reconciler, SettlingTime } from './reconciliation/reconciler';
import { ReconciliationMetrics } from './reconciliation/reconciliation.metrics';
import { ReconcileRpc } from './reconciliation/reconciliation.rpc';
import { ReconciliationService } from './reconciliation/reconciliation.service';
import { Schedule } from './schedule/schedule';

/** How often it is looked whether new orders can be taken. */
const INTAKE_INTERVAL_MS = 1_000;
/** Share of the deadline that the saga may lag behind: with twice as many orders as can be done, a new one waits twice as long. */
const LAG_LIMIT = 0.4;
/** How soon a reconciliation that is due is begun, and one that failed tried again. */
const RECONCILIATION_PAUSE_MS = 60_000;
/** Where all services start together, the others are there by then. */
const FIRST_RECONCILIATION_AFTER_MS = 10_000;

/** The orders service: orders, the saga's state with its timeline, the deadline sweeper. */
@Module({})
export class OrdersModule implements OnApplicationBootstrap {
  constructor(
    private readonly relay: OutboxRelay,
    private readonly publisher: EventPublisher,
  ) {}

  static forRoot(config: OrdersConfig): DynamicModule {
    return {
      module: OrdersModule,
      imports: [
        HealthModule.register(),
        PersistenceModule.forRoot({
          options: ordersDatabase(config.DATABASE_URL, config.DATABASE_POOL_SIZE, config.DATABASE_SESSION_URL),
          service: 'orders',
        }),
        SecurityModule.forRpc({
          service: 'orders',
          jwks: config.INTERNAL_JWKS,
          signingKey: config.INTERNAL_SIGNING_KEY,
        }),
        MessagingModule.forRoot(natsOptions('orders', config)),
        DeadLettersModule.forConsumer('orders'),
      ],
      controllers: [OrderRpc, DiagnosisRpc, ReconcileRpc, OrderConsumer],
      providers: [
        { provide: TokenSealer, useFactory: () => new TokenSealer(config.SEALING_KEY) },
        { provide: Cursors, useFactory: () => new Cursors(config.CURSOR_KEY, 'orders') },
        {
          provide: OrderAdmission,
          useFactory: () =>
            new OrderAdmission({
              lagSeconds: config.ORDER_LAG_LIMIT_SECONDS ?? LAG_LIMIT * config.ORDER_DEADLINE_SECONDS,
            }),
        },
        { provide: OrderDeadline, useFactory: () => new OrderDeadline(config.ORDER_DEADLINE_SECONDS) },
        {
          provide: Schedule,
          inject: [DeadlineSweeper, AdmissionGate, PeriodicReconciliation],
          useFactory: (sweeper: DeadlineSweeper, intake: AdmissionGate, reconciliation: PeriodicReconciliation) =>
            new Schedule([
              {
                name: 'end overdue orders',
                pauseMs: config.ORDER_SWEEP_INTERVAL_MS,
                run: (stopping) => sweeper.sweep(stopping),
              },
              { name: 'look at the lag of the saga', pauseMs: INTAKE_INTERVAL_MS, run: () => intake.sample() },
              {
                name: 'reconcile',
                pauseMs: Math.min(config.RECONCILIATION_INTERVAL_SECONDS * 1_000, RECONCILIATION_PAUSE_MS),
                firstAfterMs: FIRST_RECONCILIATION_AFTER_MS,
                run: (stopping) => reconciliation.run(stopping),
              },
            ]),
        },
        { provide: SettlingTime, useFactory: () => new SettlingTime(config.RECONCILIATION_SETTLING_SECONDS) },
        {
          provide: PeriodicReconciliation,
          inject: [DataSource, Reconciler, OpenDifferences, OrderDeadline],
          useFactory: (
            dataSource: DataSource,
            reconciler: Reconciler,
            open: OpenDifferences,
            deadline: OrderDeadline,
          ) =>
            new PeriodicReconciliation(dataSource, reconciler, open, {
              intervalSeconds: config.RECONCILIATION_INTERVAL_SECONDS,
              deadline,
            }),
        },
        OpenDifferences,
        OrderRecords,
        Reconciler,
        ReconciliationService,
        ReconciliationMetrics,
        OrderRepository,
        OrderService,
        OrderDiagnosis,
        OrderPlacement,
        {
          provide: SagaProgressReader,
          inject: [UnitOfWork],
          useFactory: (unitOfWork: UnitOfWork) => new SagaProgressReader(unitOfWork, config.ORDER_DEADLINE_SECONDS),
        },
        AdmissionGate,
        DeadlineSweeper,
      ],
    };
  }

  onApplicationBootstrap(): void {
    this.relay.start(this.publisher);
  }
}
