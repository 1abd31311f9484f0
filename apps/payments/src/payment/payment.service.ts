import { Injectable } from '@nestjs/common';
import type { DataOf, OrderCreated, PaymentList } from '@rookery/contracts';
import { UnitOfWork } from '@rookery/persistence';
import { type Actor, currentContext, isOperator } from '@rookery/platform';
import type { Payment, PaymentCause } from './payment.entity';
import { PaymentRepository } from './payment.repository';
import { viewsOf } from './payment.view';
import { PaymentWorker } from './payment.worker';

/** The saga's steps in payments. Each only records the due operation; the worker calls the provider, outside any transaction. */
@Injectable()
export class PaymentService {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly payments: PaymentRepository,
    private readonly worker: PaymentWorker,
  ) {}

  orderCreated(order: DataOf<typeof OrderCreated>): Promise<void> {
    return this.change(order.orderId, (payment, now) => payment.initiate(order, currentCause(), now));
  }

  orderConfirmed(orderId: string): Promise<void> {
    return this.change(orderId, (payment, now) => payment.want('take', currentCause(), now));
  }

  orderCanceled(orderId: string): Promise<void> {
    return this.change(orderId, (payment, now) => payment.want('return', currentCause(), now));
  }

  /** Another customer's order looks as if it had no payment. */
  async list(orderId: string, actor: Actor): Promise<PaymentList> {
    const payments = await this.payments.ofOrder(orderId, isOperator(actor) ? null : actor.subject);
    return { items: viewsOf(payments) };
  }

  /** Any of an order's events may arrive first; the first one opens the payment. */
  private change(orderId: string, step: (payment: Payment, now: Date) => void): Promise<void> {
    return this.unitOfWork.run(async (tx) => {
      const payment = await this.payments.update(await this.payments.open(tx, orderId), (opened, _tx, now) =>
        step(opened, now),
      );
      if (payment.operation) {
        this.unitOfWork.afterCommit(() => this.worker.wake());
      }
    });
  }
}

function currentCause(): PaymentCause | null {
  const context = currentContext();
  if (!context) {
    return null;
  }
  const { correlationId, causationId = null, traceparent } = context;
  return { correlationId, causationId, traceparent };
}
