import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { type EventOf, OrderCanceled, OrderConfirmed, OrderCreated } from '@rookery/contracts';
import { OnEvent } from '@rookery/messaging';
import { Inbox } from '@rookery/persistence';
import { PaymentService } from './payment.service';

@Controller()
export class PaymentConsumer {
  constructor(
    private readonly inbox: Inbox,
    private readonly payments: PaymentService,
  ) {}

  @OnEvent(OrderCreated)
  async orderCreated(@Payload() event: EventOf<typeof OrderCreated>): Promise<void> {
    await this.inbox.once(event, () => this.payments.orderCreated(event.data));
  }

  @OnEvent(OrderConfirmed)
  async orderConfirmed(@Payload() event: EventOf<typeof OrderConfirmed>): Promise<void> {
    await this.inbox.once(event, () => this.payments.orderConfirmed(event.data.orderId));
  }

  @OnEvent(OrderCanceled)
  async orderCanceled(@Payload() event: EventOf<typeof OrderCanceled>): Promise<void> {
    await this.inbox.once(event, () => this.payments.orderCanceled(event.data.orderId));
  }
}
