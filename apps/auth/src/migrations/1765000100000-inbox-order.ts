import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createInboxOrderIndex, dropInboxOrderIndex } from '@rookery/persistence';

export class InboxOrder1765000100000 implements MigrationInterface {
  readonly transaction = false;

  async up(queryRunner: QueryRunner): Promise<void> {
    await createInboxOrderIndex(queryRunner);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await dropInboxOrderIndex(queryRunner);
  }
}
