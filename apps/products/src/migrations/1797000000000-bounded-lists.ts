import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Every list of the catalog reads its page from an index in the list's order, and every search from one of character sequences
 * (decision 42). Writes go on meanwhile, and each statement is harmless when it is run again.
 */
export class BoundedLists1797000000000 implements MigrationInterface {
  readonly transaction = false;

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const name of [...Object.keys(LISTS), SEARCH]) {
      await queryRunner.query(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`);
    }
    // All sequences of one, two and three characters, in lower case as ILIKE compares. The cost keeps the planner from filtering by it.
    await queryRunner.query(`
      CREATE OR REPLACE FUNCTION search_grams(document text) RETURNS text[]
      LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 10000 AS $$
        SELECT c || ARRAY(SELECT x || y FROM unnest(c, c[2:]) AS pair (x, y) WHERE y IS NOT NULL)
                 || ARRAY(SELECT x || y || z FROM unnest(c, c[2:], c[3:]) AS triple (x, y, z) WHERE z IS NOT NULL)
        FROM string_to_array(lower(document), NULL) AS c
      $$`);
    // Without a list of pending entries, which every search would read as a whole.
    await queryRunner.query(`
      CREATE INDEX CONCURRENTLY ${SEARCH} ON products
      USING gin (search_grams(name || E'\\n' || sku || E'\\n' || coalesce(description, ''))) WITH (fastupdate = off)
      WHERE archived_at IS NULL`);
    // No statistics: the plan of a search must not depend on how frequent its characters are, and making them takes as long as the index.
    await queryRunner.query(`ALTER INDEX ${SEARCH} ALTER COLUMN 1 SET STATISTICS 0`);
    for (const [name, columns] of Object.entries(LISTS)) {
      await queryRunner.query(`CREATE INDEX CONCURRENTLY ${name} ON products (${columns}) WHERE archived_at IS NULL`);
    }
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const name of [...Object.keys(LISTS), SEARCH]) {
      await queryRunner.query(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`);
    }
    await queryRunner.query('DROP FUNCTION IF EXISTS search_grams(text)');
  }
}

const SEARCH = 'products_by_grams';

/** The filters first, then the order. A list by price always has a currency. */
const LISTS = {
  products_by_category_and_price: 'category, currency, price_minor, id',
  products_by_category_and_age: 'category, created_at, id',
  products_by_currency_and_name: 'currency, name COLLATE "und-x-icu", id',
  products_by_currency_and_age: 'currency, created_at, id',
  products_by_category_currency_and_name: 'category, currency, name COLLATE "und-x-icu", id',
  products_by_category_currency_and_age: 'category, currency, created_at, id',
} as const;
