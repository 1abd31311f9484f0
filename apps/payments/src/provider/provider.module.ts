import { Module } from '@nestjs/common';
import { PaymentProvider } from './payment-provider';
import { SimulatedProvider } from './simulated-provider';

@Module({ providers: [{ provide: PaymentProvider, useClass: SimulatedProvider }], exports: [PaymentProvider] })
export class ProviderModule {}
