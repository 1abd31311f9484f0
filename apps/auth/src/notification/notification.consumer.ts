import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { type EventOf, OrderCanceled, OrderConfirmed, OrderCreated } from '@rookery/contracts';
import { OnEvent } from '@rookery/messaging';
import { Inbox } from '@rookery/persistence';
import { NotificationService } from './notification.service';

@Controller()
export class NotificationConsumer {
  constructor(
    private readonly inbox: Inbox,
    private readonly notifications: NotificationService,
  ) {}

  @OnEvent(OrderCreated)
  async orderCreated(@Payload() event: EventOf<typeof OrderCreated>): Promise<void> {
    await this.inbox.once(event, (tx) => this.notifications.orderCreated(tx, event));
  }

  @OnEvent(OrderConfirmed)
  async orderConfirmed(@Payload() event: EventOf<typeof OrderConfirmed>): Promise<void> {
    await this.inbox.once(event, (tx) => this.notifications.orderConfirmed(tx, event));
  }

  @OnEvent(OrderCanceled)
  async orderCanceled(@Payload() event: EventOf<typeof OrderCanceled>): Promise<void> {
    await this.inbox.once(event, (tx) => this.notifications.orderCanceled(tx, event));
  }
}
