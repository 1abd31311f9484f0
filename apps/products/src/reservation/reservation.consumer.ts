import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import { type EventOf, OrderCanceled, OrderConfirmed, OrderCreated, PaymentReserved } from '@rookery/contracts';
import { OnEvent } from '@rookery/messaging';
import { Inbox } from '@rookery/persistence';
import { ReservationService } from './reservation.service';

/** A failed payment needs no handler: nothing is held before a payment, and the cancellation of the order follows. */
@Controller()
export class ReservationConsumer {
  constructor(
    private readonly inbox: Inbox,
    private readonly reservations: ReservationService,
  ) {}

  @OnEvent(OrderCreated)
  async orderCreated(@Payload() event: EventOf<typeof OrderCreated>): Promise<void> {
    const { orderId, lines } = event.data;
    await this.inbox.once(event, () => this.reservations.orderCreated(orderId, lines));
  }

  @OnEvent(PaymentReserved)
  async paymentReserved(@Payload() event: EventOf<typeof PaymentReserved>): Promise<void> {
    await this.inbox.once(event, () => this.reservations.paymentReserved(event.data.orderId));
  }

  @OnEvent(OrderConfirmed)
  async orderConfirmed(@Payload() event: EventOf<typeof OrderConfirmed>): Promise<void> {
    await this.inbox.once(event, () => this.reservations.orderConfirmed(event.data.orderId));
  }

  @OnEvent(OrderCanceled)
  async orderCanceled(@Payload() event: EventOf<typeof OrderCanceled>): Promise<void> {
    await this.inbox.once(event, () => this.reservations.orderCanceled(event.data.orderId));
  }
}
