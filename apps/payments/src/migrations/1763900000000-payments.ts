import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createOutboxAndInbox, dropOutboxAndInbox } from '@rookery/persistence';

export class Payments1763900000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await createOutboxAndInbox(queryRunner);

    // A payment that its order's end opened has no customer and no amount until OrderCreated comes.
    await queryRunner.query(`
      CREATE TABLE payments (
        id uuid CONSTRAINT payments_pkey PRIMARY KEY,
        version integer NOT NULL DEFAULT 1,
        event_sequence integer NOT NULL DEFAULT 0,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        order_id uuid NOT NULL CONSTRAINT payments_order_key UNIQUE,
        customer_id text,
        amount_minor bigint CONSTRAINT payments_amount_not_negative CHECK (amount_minor >= 0),
        currency text,
        sealed_token text,
        status text NOT NULL DEFAULT 'Expected' CONSTRAINT payments_status_known CHECK (status IN
          ('Expected', 'Authorizing', 'Abandoning', 'Withdrawn', 'Reserved', 'Failed', 'Captured', 'Released', 'Refunded')),
        purpose text NOT NULL DEFAULT 'hold' CONSTRAINT payments_purpose_known CHECK (purpose IN ('hold', 'take', 'return')),
        operation text CONSTRAINT payments_operation_known CHECK (operation IN ('authorize', 'capture', 'void', 'refund')),
        operation_due_at timestamptz,
        operation_tries integer NOT NULL DEFAULT 0,
        cause jsonb,
        CONSTRAINT payments_amount_known CHECK
          (status = 'Expected' OR (customer_id IS NOT NULL AND amount_minor IS NOT NULL AND currency IS NOT NULL)),
        CONSTRAINT payments_operation_has_its_time CHECK ((operation IS NULL) = (operation_due_at IS NULL))
      ) WITH (fillfactor = 70)`);
    await queryRunner.query(
      `CREATE INDEX payments_due ON payments (operation_due_at) WHERE operation_due_at IS NOT NULL`,
    );

    await queryRunner.query(`
      CREATE TABLE payment_attempts (
        id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT payment_attempts_pkey PRIMARY KEY,
        payment_id uuid NOT NULL CONSTRAINT payment_attempts_payment_fkey REFERENCES payments (id),
        operation text NOT NULL,
        idempotency_key text NOT NULL,
        tries integer NOT NULL,
        started_at timestamptz NOT NULL,
        finished_at timestamptz,
        outcome text
      )`);
    await queryRunner.query(`CREATE INDEX payment_attempts_by_payment ON payment_attempts (payment_id, id)`);

    // The simulated provider's own ledger, a row per charge. A charge that was voided before it came has no order.
    await queryRunner.query(`CREATE SCHEMA simulator`);
    await queryRunner.query(`
      CREATE TABLE simulator.charges (
        key text CONSTRAINT charges_pkey PRIMARY KEY,
        order_id uuid,
        amount_minor bigint,
        currency text,
        state text NOT NULL CONSTRAINT charges_state_known CHECK (state IN
          ('authorized', 'payment-declined', 'insufficient-funds', 'voided', 'captured', 'refunded')),
        created_at timestamptz NOT NULL DEFAULT now()
      )`);
    await queryRunner.query(`CREATE INDEX charges_by_order ON simulator.charges (order_id)`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP SCHEMA simulator CASCADE`);
    await queryRunner.query(`DROP TABLE payment_attempts`);
    await queryRunner.query(`DROP TABLE payments`);
    await dropOutboxAndInbox(queryRunner);
  }
}
