import { Injectable } from '@nestjs/common';
import { PaymentStatuses } from '@rookery/contracts';
import { AggregateRepository, Outbox, UnitOfWork } from '@rookery/persistence';
import { paymentIdOf } from './payment-id';
import { Payment } from './payment.entity';

@Injectable()
export class PaymentRepository extends AggregateRepository<Payment> {
  constructor(unitOfWork: UnitOfWork, outbox: Outbox) {
    super(unitOfWork, outbox, Payment);
  }

  /** Ensures that the order has a payment and returns its id. A second caller waits for the first and then finds the payment. */
  async open(orderId: string): Promise<string> {
    const { manager } = this.unitOfWork;
    // Id and order are unique together: two callers may conflict at either constraint.
    const [opened] = await manager.query<{ id: string }[]>(
      'INSERT INTO payments (id, order_id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING id',
      [paymentIdOf(orderId), orderId],
    );
    if (opened) {
      return opened.id;
    }
    const [known] = await manager.query<{ id: string }[]>('SELECT id FROM payments WHERE order_id = $1', [orderId]);
    if (!known) {
      throw new Error(`the payment of order ${orderId} vanished while it was opened`);
    }
    return known.id;
  }

  /** The payments of an order that customers may see; with a customer id, only that customer's. */
  async ofOrder(orderId: string, customerId: string | null): Promise<Payment[]> {
    const query = this.query()
      .where('root.orderId = :orderId', { orderId })
      .andWhere('root.status IN (:...statuses)', { statuses: PaymentStatuses });
    if (customerId !== null) {
      query.andWhere('root.customerId = :customerId', { customerId });
    }
    return query.getMany();
  }
}
