import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createOpsAudit, dropOpsAudit } from '@rookery/persistence';

export class OpsAudit1764500000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await createOpsAudit(queryRunner);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await dropOpsAudit(queryRunner);
  }
}
