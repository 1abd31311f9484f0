import { Module, type DynamicModule, type OnApplicationBootstrap } from '@nestjs/common';
import { DeadLettersModule, EventPublisher, MessagingModule, natsOptions } from '@rookery/messaging';
import { OutboxRelay, PersistenceModule } from '@rookery/persistence';
import { HealthModule } from '@rookery/platform';
import { SecurityModule, TokenSealer } from '@rookery/security';
import { paymentsDatabase } from './data-source';
import { PaymentAttempts } from './payment/payment-attempts';
import { PaymentDiagnosis } from './order-diagnosis/payment-diagnosis';
import { DiagnosisRpc } from './order-diagnosis/payment-diagnosis.rpc';
import { ProviderCaller } from './payment/provider-caller';
import { PaymentConsumer } from './payment/payment.consumer';
import { PaymentRepository } from './payment/payment.repository';
import { PaymentRpc } from './payment/payment.rpc';
import { PaymentService } from './payment/payment.service';
import { PaymentWorker } from './payment/payment.worker';
import type { PaymentsConfig } from './payments.config';
import { PaymentProvider } from './provider/payment-provider';
import { SimulatedProvider } from './provider/simulated-provider';
import { RecordsRpc } from './reconciliation/payment-records.rpc';
import { PaymentRecordQueries } from './reconciliation/payment-records.queries';

/** The payments service: payments, and the worker that calls the provider for them. */
@Module({})
export class PaymentsModule implements OnApplicationBootstrap {
  constructor(
    private readonly relay: OutboxRelay,
    private readonly publisher: EventPublisher,
  ) {}

  static forRoot(config: PaymentsConfig): DynamicModule {
    return {
      module: PaymentsModule,
      imports: [
        HealthModule.register(),
        PersistenceModule.forRoot({
          options: paymentsDatabase(config.DATABASE_URL, config.DATABASE_POOL_SIZE, config.DATABASE_SESSION_URL),
          service: 'payments',
        }),
        SecurityModule.forRpc({ service: 'payments', jwks: config.INTERNAL_JWKS }),
        MessagingModule.forRoot(natsOptions('payments', config)),
        DeadLettersModule.forConsumer('payments'),
      ],
      controllers: [PaymentRpc, DiagnosisRpc, RecordsRpc, PaymentConsumer],
      providers: [
        { provide: TokenSealer, useFactory: () => new TokenSealer(config.SEALING_KEY) },
        { provide: PaymentProvider, useClass: SimulatedProvider },
        PaymentAttempts,
        ProviderCaller,
        PaymentRepository,
        PaymentService,
        PaymentDiagnosis,
        PaymentWorker,
        PaymentRecordQueries,
      ],
    };
  }

  onApplicationBootstrap(): void {
    this.relay.start(this.publisher);
  }
}
