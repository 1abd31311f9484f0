import type { MigrationInterface, QueryRunner } from 'typeorm';

export class DevicePolls1765000200000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    // When a device last asked for its token, and how long it has to wait in between.
    await queryRunner.query(
      `ALTER TABLE oidc_payload ADD COLUMN polled_at timestamptz, ADD COLUMN poll_seconds integer`,
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE oidc_payload DROP COLUMN polled_at, DROP COLUMN poll_seconds`);
  }
}
