import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createInboxOrderIndex, dropInboxOrderIndex } from '@rookery/persistence';

export class InboxOrder1764600000000 implements MigrationInterface {
  readonly transaction = false;

  async up(queryRunner: QueryRunner): Promise<void> {
    await createInboxOrderIndex(queryRunner);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await dropInboxOrderIndex(queryRunner);
  }
}
