import { Module } from '@nestjs/common';
import { fromConfig } from '@rookery/platform';
import { TokenSealer } from '@rookery/security';
import type { PaymentsConfig } from '../payments.config';
import { ProviderModule } from '../provider/provider.module';
import { PaymentAttempts } from './payment-attempts';
import { PaymentConsumer } from './payment.consumer';
import { PaymentRepository } from './payment.repository';
import { PaymentRpc } from './payment.rpc';
import { PaymentService } from './payment.service';
import { PaymentWorker } from './payment.worker';
import { ProviderCaller } from './provider-caller';

@Module({
  imports: [ProviderModule],
  controllers: [PaymentRpc, PaymentConsumer],
  providers: [
    fromConfig(TokenSealer, (config: PaymentsConfig) => new TokenSealer(config.SEALING_KEY)),
    PaymentAttempts,
    PaymentRepository,
    PaymentService,
    PaymentWorker,
    ProviderCaller,
  ],
})
export class PaymentModule {}
