import { Injectable } from '@nestjs/common';
import { MAX_TRACED_ATTEMPTS, type OrderTraceRpc, type PaymentFacts, type ProviderAttempt } from '@rookery/contracts';
import { EventTrail } from '@rookery/persistence';
import { DataSource, type EntityManager } from 'typeorm';
import type { z } from 'zod';
import { Payment } from './payment.entity';

interface AttemptRow extends Pick<ProviderAttempt, 'operation' | 'tries' | 'outcome'> {
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
}

/** What payments knows of an order, for operators who ask why it is stuck. Says nothing of the customer or the token. */
@Injectable()
export class PaymentTrace {
  constructor(
    private readonly dataSource: DataSource,
    private readonly trail: EventTrail,
  ) {}

  /** As it is at one moment, so that state and events fit together. */
  read(orderId: string, eventIds: readonly string[]): Promise<z.output<typeof OrderTraceRpc.payments.response>> {
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
    [paymentId, MAX_TRACED_ATTEMPTS],
  );
  return latestFirst.toReversed().map(({ startedAt, finishedAt, ...attempt }) => ({
    ...attempt,
    startedAt: startedAt.toISOString(),
    finishedAt: finishedAt?.toISOString() ?? null,
  }));
}
