// Payments; there is no provider outside, each one is accepted.
import 'reflect-metadata';
import { Controller, Inject, Module } from '@nestjs/common';
import { ClientProxy, EventPattern, Payload } from '@nestjs/microservices';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { Payment } from './entities';
import type { OrderEvent } from './events';
import { BROKER, clientModule, databaseModules, serve } from './service';

@Controller()
class PaymentsController {
  constructor(
    @Inject(BROKER) private readonly broker: ClientProxy,
    @InjectRepository(Payment) private readonly payments: Repository<Payment>,
  ) {}

  @EventPattern('order.created')
  async reserve(@Payload() event: OrderEvent): Promise<void> {
    const { orderId, amountMinor, currency } = event;
    await this.payments.save(this.payments.create({ orderId, amountMinor, currency, status: 'Reserved' }));
    this.broker.emit('payment.reserved', event);
  }

  @EventPattern('order.confirmed')
  async capture(@Payload() { orderId }: OrderEvent): Promise<void> {
    await this.payments.update({ orderId }, { status: 'Captured' });
  }

  @EventPattern('order.canceled')
  async release(@Payload() { orderId }: OrderEvent): Promise<void> {
    await this.payments.update({ orderId }, { status: 'Released' });
  }
}

@Module({ imports: [clientModule(), ...databaseModules(Payment)], controllers: [PaymentsController] })
class PaymentsModule {}

await serve(PaymentsModule, 'payments');
