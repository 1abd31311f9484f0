import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A list by status reads its page from an index in the list's order, however few of many orders have that status. Writes go on meanwhile, and each
 * statement is harmless when it is run again.
 */
export class OrdersByStatus1797000000000 implements MigrationInterface {
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    // An interrupted attempt leaves an invalid index.
    await this.down(runner);
    await runner.query('CREATE INDEX CONCURRENTLY orders_by_status ON orders (status, id)');
    await runner.query('CREATE INDEX CONCURRENTLY orders_of_customer_by_status ON orders (customer_id, status, id)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX CONCURRENTLY IF EXISTS orders_by_status');
    await runner.query('DROP INDEX CONCURRENTLY IF EXISTS orders_of_customer_by_status');
  }
}
