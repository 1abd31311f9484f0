import type { Outbox, UnitOfWork } from '@rookery/persistence';
import { uuidv7 } from '@rookery/platform';
import { operationKey, PaymentAttempts, type Attempt } from '../../apps/payments/src/payment/payment-attempts';
import { Payment } from '../../apps/payments/src/payment/payment.entity';
import { PaymentRepository } from '../../apps/payments/src/payment/payment.repository';
import { nowhere, type MemoryDatabase } from './memory-database';
import { Rows, type Change } from './memory-rows';

export class MemoryPayments extends PaymentRepository {
  readonly table: Rows<Payment>;

  constructor(
    private readonly database: MemoryDatabase,
    unitOfWork: UnitOfWork,
    outbox: Outbox,
  ) {
    super(unitOfWork, outbox);
    this.table = new Rows(database, outbox, Payment);
  }

  override async open(orderId: string): Promise<string> {
    const known = [...this.table.rows.values()].find((payment) => payment.orderId === orderId);
    if (known) return known.id;
    const payment = Payment.open(uuidv7(), orderId);
    await this.table.insert(payment);
    return payment.id;
  }

  override async find(id: string): Promise<Payment | null> {
    return this.table.load(id);
  }

  override update(id: string, change: Change<Payment>): Promise<Payment> {
    return this.database.run(async () => {
      const payment = this.table.load(id);
      if (!payment) throw this.notFound(id);
      await change(payment, nowhere.manager);
      await this.table.store(payment);
      return payment;
    });
  }
}

export class MemoryAttempts extends PaymentAttempts {
  private made = 0;

  constructor(private readonly payments: MemoryPayments) {
    super(nowhere);
  }

  override async claim(limit: number, now: Date, leasedUntil: Date): Promise<Attempt[]> {
    const claimed: Attempt[] = [];
    for (const { id, operation, operationDueAt } of [...this.payments.table.rows.values()]) {
      if (claimed.length === limit || !operation || !operationDueAt || operationDueAt > now) continue;
      const payment = this.payments.table.load(id);
      if (!payment) continue;
      payment.operationDueAt = leasedUntil;
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
