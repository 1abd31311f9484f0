import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { OrderConfirmed } from '@rookery/contracts';
import { createIdempotencyKeys, createOutboxAndInbox, type PostgresOptions, runMigrations } from '@rookery/persistence';

export const EVENTS_OF_AN_AGGREGATE = 5;
/** So many aggregates are written at the same time, their events in turn. */
export const AGGREGATES_AT_ONCE = 100;

export class BenchTables1764100000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createOutboxAndInbox(runner);
    await createIdempotencyKeys(runner);
    // What the outbox is filled from again and again.
    await runner.query('CREATE TABLE template (LIKE outbox INCLUDING IDENTITY)');
  }

  async down(): Promise<void> {}
}

/** A row as it was written. */
export interface TemplateRow {
  readonly id: string;
  readonly name: string;
  readonly version: number;
  readonly subject: string;
  readonly aggregate: string;
  readonly sequence: number;
  readonly cause: string;
  readonly trace: string;
  readonly data: string;
}

/** The outbox that is drained: a connection of its own, without the time limits of a service. */
export class BenchOutbox {
  private constructor(private readonly client: Client) {}

  /** Makes the tables and so many rows to fill the outbox from. */
  static async make(options: PostgresOptions, rows: number): Promise<BenchOutbox> {
    await runMigrations(options, () => undefined);
    const client = new Client({ connectionString: options.url });
    await client.connect();
    await client.query(
      `INSERT INTO template (event_id, name, version, source, subject, aggregate_id, sequence, correlation_id, causation_id, traceparent,
                             data, occurred_at)
       SELECT uuidv7(), $1, 1, 'orders', $2, aggregate, sequence, aggregate::text, uuidv7()::text,
              '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
              jsonb_build_object('orderId', aggregate, 'customerId', 'alice', 'note', repeat('x', 200)), now()
       FROM (SELECT row, md5((row / $3 * $4 + row % $4)::text)::uuid AS aggregate, row % $3 / $4 + 1 AS sequence
             FROM generate_series(0, $5::integer - 1) AS row) AS rows ORDER BY row`,
      [
        OrderConfirmed.name,
        OrderConfirmed.subject,
        AGGREGATES_AT_ONCE * EVENTS_OF_AN_AGGREGATE,
        AGGREGATES_AT_ONCE,
        rows,
      ],
    );
    return new BenchOutbox(client);
  }

  async rows(): Promise<readonly TemplateRow[]> {
    const { rows } = await this.client.query<TemplateRow>(
      `SELECT event_id AS id, name, version, subject, aggregate_id AS aggregate, sequence, causation_id AS cause, traceparent AS trace,
              data::text AS data FROM template ORDER BY template.id`,
    );
    return rows;
  }

  /** The first rows, all unpublished, in a table without leftovers. */
  async refill(rows: number): Promise<void> {
    await this.client.query('TRUNCATE outbox');
    await this.client.query('INSERT INTO outbox OVERRIDING USER VALUE SELECT * FROM template ORDER BY id LIMIT $1', [
      rows,
    ]);
    await this.client.query('VACUUM ANALYZE outbox');
  }

  /** So many rows of one aggregate alone. */
  async refillWithOne(rows: number): Promise<void> {
    await this.client.query('TRUNCATE outbox');
    const others =
      'event_id, name, version, source, subject, correlation_id, causation_id, traceparent, data, occurred_at';
    await this.client.query(
      `INSERT INTO outbox (aggregate_id, sequence, ${others})
       SELECT '${randomUUID()}', row_number() OVER (ORDER BY id), ${others} FROM template ORDER BY id LIMIT $1`,
      [rows],
    );
    await this.client.query('VACUUM ANALYZE outbox');
  }

  async isDrained(): Promise<boolean> {
    const { rows } = await this.client.query('SELECT FROM outbox WHERE published_at IS NULL LIMIT 1');
    return rows.length === 0;
  }

  async close(): Promise<void> {
    await this.client.end();
  }
}
