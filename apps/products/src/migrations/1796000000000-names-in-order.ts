import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Text is compared in Unicode's form NFC from now on, names are listed as a dictionary has them, and prices within one currency.
 * Writes go on meanwhile, and each statement is harmless when it is run again. The former indexes stay for the release before:
 * products_by_name, products_by_price and products_by_category can go with the next one.
 */
export class NamesInOrder1796000000000 implements MigrationInterface {
  readonly transaction = false;

  async up(queryRunner: QueryRunner): Promise<void> {
    const collations = await queryRunner.manager.query<unknown[]>(
      `SELECT 1 FROM pg_collation WHERE collname = 'und-x-icu'`,
    );
    if (collations.length === 0) {
      throw new Error(
        'this server has no collation "und-x-icu": it needs a PostgreSQL that is built with ICU, as most are',
      );
    }
    // Few rows, if any. Another representation is another version: ETags are made of it.
    await queryRunner.query(`
      UPDATE products
      SET name = normalize(name, NFC), description = normalize(description, NFC), category = normalize(category, NFC),
          version = version + 1
      WHERE name IS NOT NFC NORMALIZED OR description IS NOT NFC NORMALIZED OR category IS NOT NFC NORMALIZED`);
    await this.down(queryRunner);
    for (const [name, columns] of Object.entries(INDEXES)) {
      await queryRunner.query(`CREATE INDEX CONCURRENTLY ${name} ON products (${columns}) WHERE archived_at IS NULL`);
    }
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const name of Object.keys(INDEXES)) {
      await queryRunner.query(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`);
    }
  }
}

/** In the collation of `ORDER BY` and of the comparison with a cursor; the first also tells whether there are several currencies. */
const INDEXES = {
  products_by_currency_and_price: 'currency, price_minor, id',
  products_by_name_in_order: 'name COLLATE "und-x-icu", id',
  products_by_category_in_order: 'category, name COLLATE "und-x-icu", id',
} as const;
