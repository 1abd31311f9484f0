import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Reconciliation1764700000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE reconciliation_difference (
        about text NOT NULL CONSTRAINT reconciliation_difference_about_known CHECK (about IN ('order', 'product')),
        subject uuid NOT NULL,
        kind text NOT NULL,
        difference jsonb NOT NULL,
        first_found_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT reconciliation_difference_pk PRIMARY KEY (about, subject, kind)
      )`);
    // One row: where the last complete periodic run came to.
    await runner.query(`
      CREATE TABLE reconciliation_progress (
        one boolean NOT NULL DEFAULT true CONSTRAINT reconciliation_progress_pk PRIMARY KEY,
        completed_at timestamptz NOT NULL,
        reached uuid NOT NULL,
        CONSTRAINT reconciliation_progress_is_one_row CHECK (one)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE reconciliation_progress');
    await runner.query('DROP TABLE reconciliation_difference');
  }
}
