import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { PaymentStatuses } from '@rookery/contracts';
import { AggregateRepository, Outbox, SharedStatement, UnitOfWork, writeRowLater } from '@rookery/persistence';
import { paymentIdOf } from './payment-id';
import { Payment } from './payment.entity';

/**
 * In the order of ids, so that two groups with the same orders wait for each other once and not in a circle. Id and order are unique together:
 * two openers may conflict at either constraint.
 */
const OPEN = `INSERT INTO payments (id, order_id) SELECT id, order_id FROM unnest($1::uuid[], $2::uuid[]) AS opened (id, order_id)
  ORDER BY id ON CONFLICT DO NOTHING`;

@Injectable()
export class PaymentRepository extends AggregateRepository<Payment> {
  private readonly found = new SharedStatement(async (_tx, ids: readonly string[]) => {
    const payments = await this.query().where('root.id = ANY(:ids)', { ids }).getMany();
    const byId = new Map(payments.map((payment) => [payment.id, payment]));
    return ids.map((id) => byId.get(id));
  });

  constructor(unitOfWork: UnitOfWork, outbox: Outbox) {
    super(unitOfWork, outbox, Payment);
  }

  /** Ensures that the order has a payment and returns its id. A second caller waits for the first and then finds the payment. */
  async open(tx: EntityManager, orderId: string): Promise<string> {
    const id = paymentIdOf(orderId);
    await writeRowLater(tx, OPEN, [id, orderId]);
    return id;
  }

  /** Like `get`, for many callers at a time: those of the same turn share a statement. */
  async getShared(id: string): Promise<Payment> {
    const payment = await this.found.run(this.unitOfWork.manager, id);
    if (payment === undefined) {
      throw this.notFound(id);
    }
    return payment;
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
