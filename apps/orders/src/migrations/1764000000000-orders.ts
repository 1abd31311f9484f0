import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createOutboxAndInbox, dropOutboxAndInbox } from '@rookery/persistence';

export class Orders1764000000000 implements MigrationInterface {
  readonly name = 'Orders1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE orders (
        id uuid CONSTRAINT orders_pk PRIMARY KEY,
        version int NOT NULL,
        event_sequence int NOT NULL,
        customer_id text NOT NULL,
        status text NOT NULL,
        reason text,
        lines jsonb NOT NULL,
        total_minor bigint NOT NULL,
        currency char(3) NOT NULL,
        payment_reserved_at timestamptz,
        stock_reserved_at timestamptz,
        deadline_at timestamptz NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        CONSTRAINT orders_status_known CHECK (status IN ('Pending', 'Confirmed', 'Canceled')),
        CONSTRAINT orders_reason_iff_canceled CHECK ((status = 'Canceled') = (reason IS NOT NULL)),
        CONSTRAINT orders_confirmed_when_reserved
          CHECK (status <> 'Confirmed' OR (payment_reserved_at IS NOT NULL AND stock_reserved_at IS NOT NULL)),
        CONSTRAINT orders_total_exact_in_json CHECK (total_minor BETWEEN 0 AND 9007199254740991),
        CONSTRAINT orders_lines_present CHECK (jsonb_typeof(lines) = 'array' AND jsonb_array_length(lines) > 0)
      )`);
    // Ids are UUID v7: their order is the order of creation, so the primary key serves the operators' list.
    await runner.query(`CREATE INDEX orders_of_customer ON orders (customer_id, id)`);
    await runner.query(`CREATE INDEX orders_pending_by_deadline ON orders (deadline_at) WHERE status = 'Pending'`);

    // Invariant I8 holds even for a hand that reaches past the entity.
    await runner.query(`
      CREATE FUNCTION refuse_change_of_ended_order() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        RAISE EXCEPTION 'order % has ended', OLD.id USING ERRCODE = 'check_violation', CONSTRAINT = 'orders_end_is_final';
      END $$`);
    await runner.query(`
      CREATE TRIGGER orders_end_is_final BEFORE UPDATE ON orders FOR EACH ROW
      WHEN (OLD.status <> 'Pending' AND (NEW.status, NEW.reason) IS DISTINCT FROM (OLD.status, OLD.reason))
      EXECUTE FUNCTION refuse_change_of_ended_order()`);

    await createTimelineAndKeys(runner);
    await createOutboxAndInbox(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropOutboxAndInbox(runner);
    await runner.query(`DROP TABLE idempotency_key`);
    await runner.query(`DROP TABLE order_timeline`);
    await runner.query(`DROP TABLE orders`);
    await runner.query(`DROP FUNCTION refuse_change_of_ended_order`);
  }
}

async function createTimelineAndKeys(runner: QueryRunner): Promise<void> {
  await runner.query(`
      CREATE TABLE order_timeline (
        order_id uuid NOT NULL CONSTRAINT order_timeline_order_fk REFERENCES orders (id),
        position bigint GENERATED ALWAYS AS IDENTITY,
        event text NOT NULL,
        service text NOT NULL,
        at timestamptz NOT NULL,
        attempt int NOT NULL,
        causation_id text,
        trace_id text,
        CONSTRAINT order_timeline_pk PRIMARY KEY (order_id, position),
        CONSTRAINT order_timeline_attempt_from_one CHECK (attempt >= 1)
      )`);

  await runner.query(`
      CREATE TABLE idempotency_key (
        issuer text NOT NULL,
        subject text NOT NULL,
        client_id text NOT NULL,
        key text NOT NULL,
        fingerprint text NOT NULL,
        response text NOT NULL,
        expires_at timestamptz NOT NULL,
        CONSTRAINT idempotency_key_pk PRIMARY KEY (issuer, subject, client_id, key)
      )`);
  await runner.query(`CREATE INDEX idempotency_key_by_expiry ON idempotency_key (expires_at)`);
}
