import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createInbox, createOpsAudit, dropInbox, dropOpsAudit } from '@rookery/persistence';

export class Notifications1765000000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await createInbox(queryRunner);
    await createOpsAudit(queryRunner);

    // No address: it is looked up when the mail is sent. The total is kept because only OrderCreated tells it.
    await queryRunner.query(`
      CREATE TABLE notifications (
        event_id uuid CONSTRAINT notifications_pkey PRIMARY KEY,
        order_id uuid NOT NULL,
        kind text NOT NULL CONSTRAINT notifications_kind_known CHECK (kind IN ('placed', 'confirmed', 'canceled')),
        reason text,
        user_id uuid NOT NULL CONSTRAINT notifications_user_fkey REFERENCES users (id) ON DELETE CASCADE,
        total_minor bigint NOT NULL,
        currency text NOT NULL,
        correlation_id text NOT NULL,
        occurred_at timestamptz NOT NULL,
        status text NOT NULL DEFAULT 'due' CONSTRAINT notifications_status_known CHECK (status IN
          ('due', 'sent', 'refused', 'expired', 'no-account')),
        attempts integer NOT NULL DEFAULT 0,
        next_attempt_at timestamptz,
        finished_at timestamptz,
        CONSTRAINT notifications_order_kind_key UNIQUE (order_id, kind),
        CONSTRAINT notifications_reason_of_the_canceled CHECK ((kind = 'canceled') = (reason IS NOT NULL)),
        CONSTRAINT notifications_due_has_its_time CHECK ((status = 'due') = (next_attempt_at IS NOT NULL))
      ) WITH (fillfactor = 70)`);
    await queryRunner.query(
      `CREATE INDEX notifications_due ON notifications (next_attempt_at) WHERE next_attempt_at IS NOT NULL`,
    );
    await queryRunner.query(`CREATE INDEX notifications_by_user ON notifications (user_id)`);
    await queryRunner.query(`CREATE INDEX notifications_occurred_at ON notifications USING brin (occurred_at)`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE notifications`);
    await dropOpsAudit(queryRunner);
    await dropInbox(queryRunner);
  }
}
