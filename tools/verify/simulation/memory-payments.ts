import type { EntityManager } from 'typeorm';
import type { Change, Outbox, UnitOfWork } from '@rookery/persistence';
import { uuidv7 } from '@rookery/platform';
import { type Attempt, operationKey, PaymentAttempts } from '../../../apps/payments/src/payment/payment-attempts';
import { Payment } from '../../../apps/payments/src/payment/payment.entity';
import { PaymentRepository } from '../../../apps/payments/src/payment/payment.repository';
import { type MemoryDatabase, nowhere, type SimulatedClock } from './memory-database';
import { Rows } from './memory-rows';

export class MemoryPayments extends PaymentRepository {
  readonly table: Rows<Payment>;

  constructor(database: MemoryDatabase, unitOfWork: UnitOfWork, outbox: Outbox, clock: SimulatedClock) {
    super(unitOfWork, outbox);
    this.table = new Rows(database, outbox, clock, Payment);
  }

  override async open(_tx: EntityManager, orderId: string): Promise<string> {
    const known = [...this.table.rows.values()].find((payment) => payment.orderId === orderId);
    if (known) {
      return known.id;
    }
    const payment = Payment.open(uuidv7(), orderId);
    await this.table.insert(payment);
    return payment.id;
  }

  override async getShared(id: string): Promise<Payment> {
    const payment = this.table.load(id);
    if (payment === null) {
      throw this.notFound(id);
    }
    return payment;
  }

  override update(id: string, change: Change<Payment>): Promise<Payment> {
    return this.table.update(id, change, () => this.notFound(id));
  }
}

export class MemoryAttempts extends PaymentAttempts {
  private made = 0;

  constructor(
    private readonly payments: MemoryPayments,
    private readonly clock: SimulatedClock,
  ) {
    super(nowhere);
  }

  override async claim(limit: number, leaseMs: number): Promise<Attempt[]> {
    const now = this.clock.now();
    const claimed: Attempt[] = [];
    for (const { id, operation, operationDueAt } of [...this.payments.table.rows.values()]) {
      if (claimed.length === limit || !operation || !operationDueAt || operationDueAt > now) {
        continue;
      }
      const payment = this.payments.table.load(id);
      if (!payment) {
        continue;
      }
      payment.operationDueAt = new Date(now.getTime() + leaseMs);
      payment.operationTries += 1;
      this.payments.table.put(payment);
      this.made += 1;
      const key = operationKey(id, operation);
      claimed.push({ id: String(this.made), paymentId: id, operation, key, tries: payment.operationTries });
    }
    return claimed;
  }

  override async finish(): Promise<void> {
    // A record for people; nothing is decided by it.
  }
}
