import { Controller } from '@nestjs/common';
import { Payload } from '@nestjs/microservices';
import {
  type EventOf,
  PaymentCaptured,
  PaymentFailed,
  PaymentReleased,
  PaymentReserved,
  StockRejected,
  StockReleased,
  StockReserved,
} from '@rookery/contracts';
import { OnEvent, PermanentFailure } from '@rookery/messaging';
import type { Order } from './order.entity';
import { OrderNotFound } from './order.errors';
import { type OrderRelatedEvent, OrderService } from './order.service';

/** Applies the events of payments and products to their orders. Each event becomes a timeline step; some also change the order. */
@Controller()
export class OrderConsumer {
  constructor(private readonly orders: OrderService) {}

  @OnEvent(PaymentReserved)
  paymentReserved(@Payload() event: EventOf<typeof PaymentReserved>): Promise<void> {
    return this.apply(event, (order, now) => order.paymentReserved(now));
  }

  @OnEvent(PaymentFailed)
  paymentFailed(@Payload() event: EventOf<typeof PaymentFailed>): Promise<void> {
    return this.apply(event, (order) => order.paymentFailed(event.data.reason));
  }

  @OnEvent(StockReserved)
  stockReserved(@Payload() event: EventOf<typeof StockReserved>): Promise<void> {
    return this.apply(event, (order, now) => order.stockReserved(now));
  }

  @OnEvent(StockRejected)
  stockRejected(@Payload() event: EventOf<typeof StockRejected>): Promise<void> {
    return this.apply(event, (order) => order.stockRejected(event.data.reason));
  }

  @OnEvent(PaymentCaptured)
  paymentCaptured(@Payload() event: EventOf<typeof PaymentCaptured>): Promise<void> {
    return this.apply(event);
  }

  @OnEvent(PaymentReleased)
  paymentReleased(@Payload() event: EventOf<typeof PaymentReleased>): Promise<void> {
    return this.apply(event);
  }

  @OnEvent(StockReleased)
  stockReleased(@Payload() event: EventOf<typeof StockReleased>): Promise<void> {
    return this.apply(event);
  }

  private async apply(event: OrderRelatedEvent, react?: (order: Order, now: Date) => void): Promise<void> {
    try {
      await this.orders.applyEvent(event, react);
    } catch (error) {
      // An order is committed before its OrderCreated is published, so no event about it can arrive too early.
      if (error instanceof OrderNotFound) {
        throw new PermanentFailure('the event names an order that does not exist');
      }
      throw error;
    }
  }
}
