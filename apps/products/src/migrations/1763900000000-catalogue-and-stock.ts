import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createOutboxAndInbox, dropOutboxAndInbox } from '@rookery/persistence';

export class CatalogueAndStock1763900000000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await createOutboxAndInbox(queryRunner);

    await queryRunner.query(`
      CREATE TABLE products (
        id uuid CONSTRAINT products_pkey PRIMARY KEY,
        version integer NOT NULL,
        event_sequence integer NOT NULL,
        sku text NOT NULL CONSTRAINT products_sku_key UNIQUE,
        name text NOT NULL,
        description text,
        category text,
        price_minor bigint NOT NULL CONSTRAINT products_price_not_negative CHECK (price_minor >= 0),
        currency text NOT NULL CONSTRAINT products_currency_is_iso_4217 CHECK (currency ~ '^[A-Z]{3}$'),
        archived_at timestamptz,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
      )`);
    // One index per order of the list; archived products are in none of them.
    await queryRunner.query(`CREATE INDEX products_by_name ON products (name, id) WHERE archived_at IS NULL`);
    await queryRunner.query(`CREATE INDEX products_by_price ON products (price_minor, id) WHERE archived_at IS NULL`);
    await queryRunner.query(`CREATE INDEX products_by_age ON products (created_at, id) WHERE archived_at IS NULL`);
    await queryRunner.query(
      `CREATE INDEX products_by_category ON products (category, name, id) WHERE archived_at IS NULL`,
    );

    // No unit is ever lost or made: what was there at the start and by adjustments is available, reserved or sold.
    await queryRunner.query(`
      CREATE TABLE stock (
        product_id uuid CONSTRAINT stock_pkey PRIMARY KEY CONSTRAINT stock_product_fkey REFERENCES products (id),
        initial bigint NOT NULL CONSTRAINT stock_initial_not_negative CHECK (initial >= 0),
        adjusted bigint NOT NULL DEFAULT 0,
        available bigint NOT NULL CONSTRAINT stock_available_not_negative CHECK (available >= 0),
        reserved bigint NOT NULL DEFAULT 0 CONSTRAINT stock_reserved_not_negative CHECK (reserved >= 0),
        sold bigint NOT NULL DEFAULT 0 CONSTRAINT stock_sold_not_negative CHECK (sold >= 0),
        CONSTRAINT stock_adds_up CHECK (initial + adjusted = available + reserved + sold)
      ) WITH (fillfactor = 50)`);

    await queryRunner.query(`
      CREATE TABLE stock_adjustments (
        id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT stock_adjustments_pkey PRIMARY KEY,
        product_id uuid NOT NULL CONSTRAINT stock_adjustments_product_fkey REFERENCES products (id),
        delta bigint NOT NULL CONSTRAINT stock_adjustments_change_something CHECK (delta <> 0),
        available_after bigint NOT NULL,
        reason text NOT NULL,
        actor text NOT NULL,
        adjusted_at timestamptz NOT NULL
      )`);
    await queryRunner.query(`CREATE INDEX stock_adjustments_by_product ON stock_adjustments (product_id, id)`);

    await queryRunner.query(`
      CREATE TABLE reservations (
        id uuid CONSTRAINT reservations_pkey PRIMARY KEY,
        version integer NOT NULL DEFAULT 1,
        event_sequence integer NOT NULL DEFAULT 0,
        lines jsonb,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        paid boolean NOT NULL DEFAULT false,
        status text NOT NULL DEFAULT 'Awaiting' CONSTRAINT reservations_status_known
          CHECK (status IN ('Awaiting', 'Reserved', 'Rejected', 'Shipped', 'Released', 'Withdrawn'))
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE reservations`);
    await queryRunner.query(`DROP TABLE stock_adjustments`);
    await queryRunner.query(`DROP TABLE stock`);
    await queryRunner.query(`DROP TABLE products`);
    await dropOutboxAndInbox(queryRunner);
  }
}
