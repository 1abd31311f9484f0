import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import {
  MAX_DIAGNOSED_ATTEMPTS,
  type OrderDiagnosisRpc,
  type PaymentFacts,
  type ProviderAttempt,
  type ResponseOf,
} from '@rookery/contracts';
import { EventTrail } from '@rookery/persistence';
import { Payment } from '../payment/payment.entity';

interface AttemptRow extends Pick<ProviderAttempt, 'operation' | 'tries' | 'outcome'> {
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
}

/** What payments knows about one order, for operators who diagnose a stuck order. Omits the customer and the token. */
@Injectable()
export class PaymentDiagnosis {
  constructor(
    private readonly dataSource: DataSource,
    private readonly trail: EventTrail,
  ) {}

  /** Reads state and events in one snapshot, so that they are consistent. */
  read(orderId: string, eventIds: readonly string[]): Promise<ResponseOf<typeof OrderDiagnosisRpc.payments>> {
    return this.dataSource.transaction('REPEATABLE READ', async (tx) => {
      const payment = await tx.findOneBy(Payment, { orderId });
      return {
        payment: payment && factsOf(payment, await attemptsOf(tx, payment.id)),
        events: await this.trail.read(tx, payment?.id ?? null, eventIds),
      };
    });
  }
}

function factsOf(payment: Payment, attempts: ProviderAttempt[]): PaymentFacts {
  const { id, status, purpose, operation, operationDueAt, createdAt, updatedAt } = payment;
  return {
    id,
    status,
    purpose,
    amount: payment.amountMinor === null ? null : payment.amount,
    operation,
    operationDueAt: operationDueAt?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
    attempts,
  };
}

async function attemptsOf(tx: EntityManager, paymentId: string): Promise<ProviderAttempt[]> {
  const latestFirst = await tx.query<AttemptRow[]>(
    `SELECT operation, tries, started_at AS "startedAt", finished_at AS "finishedAt", outcome
     FROM payment_attempts WHERE payment_id = $1 ORDER BY id DESC LIMIT $2`,
    [paymentId, MAX_DIAGNOSED_ATTEMPTS],
  );
  return latestFirst.toReversed().map(({ startedAt, finishedAt, ...attempt }) => ({
    ...attempt,
    startedAt: startedAt.toISOString(),
    finishedAt: finishedAt?.toISOString() ?? null,
  }));
}
