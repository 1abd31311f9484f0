import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { ProviderOperation } from '@rookery/contracts';
import { writeRowLater } from '@rookery/persistence';

/** One attempt of a payment's operation, leased to the process that claimed it. */
export interface Attempt {
  readonly id: string;
  readonly paymentId: string;
  readonly operation: ProviderOperation;
  /** The same for every attempt of an operation, so that the provider executes it once. */
  readonly key: string;
  readonly tries: number;
}

/** The provider's idempotency key of an operation. It is derived, not stored: each operation happens at most once per payment. */
export const operationKey = (paymentId: string, operation: ProviderOperation): string => `${paymentId}:${operation}`;

/** Claims due calls to the provider and records the attempts. */
@Injectable()
export class PaymentAttempts {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * Leases operations that are due by the database's time and records their attempts, before the provider is called. Parallel claimers
   * get different operations. When a process crashes, its operations can be claimed again after the lease, with the same key.
   * `leaseMs` is the duration of the lease.
   */
  async claim(limit: number, leaseMs: number): Promise<Attempt[]> {
    return this.dataSource.query<Attempt[]>(
      `WITH due AS (
         SELECT id FROM payments WHERE operation_due_at <= now() ORDER BY operation_due_at LIMIT $1 FOR UPDATE SKIP LOCKED
       ), claimed AS (
         UPDATE payments p SET operation_due_at = now() + make_interval(secs => $2), operation_tries = p.operation_tries + 1
         FROM due WHERE p.id = due.id RETURNING p.id, p.operation, p.operation_tries
       ), noted AS (
         INSERT INTO payment_attempts (payment_id, operation, idempotency_key, tries, started_at)
         SELECT id, operation, id || ':' || operation, operation_tries, now() FROM claimed
         RETURNING id, payment_id, operation, idempotency_key, tries
       )
       SELECT id, payment_id AS "paymentId", operation, idempotency_key AS key, tries FROM noted ORDER BY id`,
      [limit, leaseMs / 1_000],
    );
  }

  /** Records the outcome of an attempt, in the transaction that applies it. */
  async finish(tx: EntityManager, attemptId: string, outcome: string): Promise<void> {
    await writeRowLater(tx, FINISH, [attemptId, outcome]);
  }
}

const FINISH = `UPDATE payment_attempts AS attempt SET finished_at = now(), outcome = ended.outcome
  FROM unnest($1::bigint[], $2::text[]) AS ended (id, outcome) WHERE attempt.id = ended.id`;
