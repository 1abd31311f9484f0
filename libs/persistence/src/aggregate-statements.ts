import type { DataSource, EntityMetadata } from 'typeorm';
import type { AggregateRoot } from './aggregate-root';

type Column = EntityMetadata['columns'][number];
type Row = Readonly<Record<string, unknown>>;

/** Each column's value as text. */
export type Snapshot = ReadonlyMap<Column, string>;

/** A statement with its values. */
export interface Statement {
  readonly text: string;
  readonly values: unknown[];
}

/**
 * The two statements of every change of an aggregate, made once from TypeORM's mapping. Its query builder would build them anew each time, and was
 * the largest item of our own in profiles under load (decision 40).
 */
export class AggregateStatements<T extends AggregateRoot> {
  /** Reads and locks the row `$1`; `now` is the database's time. */
  readonly lock: string;
  private readonly table: string;

  constructor(
    private readonly metadata: EntityMetadata,
    private readonly dataSource: DataSource,
  ) {
    this.table = metadata.tablePath.split('.').map(quoted).join('.');
    const columns = metadata.columns.map(({ databaseName }) => quoted(databaseName)).join(', ');
    this.lock = `SELECT ${columns}, now() AS "now()" FROM ${this.table} WHERE "id" = $1 FOR UPDATE`;
  }

  /** The database's time in a row that `lock` has read. */
  timeOf(row: Row): Date {
    const now = row['now()'];
    if (!(now instanceof Date)) {
      throw new Error('the database did not return its time');
    }
    return now;
  }

  /** The aggregate of a row that `lock` has read. */
  aggregateOf(aggregate: T, row: Row): T {
    for (const column of this.metadata.columns) {
      column.setEntityValue(aggregate, this.dataSource.driver.prepareHydratedValue(row[column.databaseName], column));
    }
    return aggregate;
  }

  /** The columns as they are now, to be compared after a change. */
  snapshotOf(aggregate: T): Snapshot {
    return new Map(
      this.metadata.columns.map((column) => [column, JSON.stringify([column.getEntityValue(aggregate, true)])]),
    );
  }

  /** The columns that a change altered. */
  changesOf(aggregate: T, before: Snapshot): readonly Column[] {
    return [...this.snapshotOf(aggregate)]
      .filter(([column, text]) => before.get(column) !== text)
      .map(([column]) => column);
  }

  /** Writes the given columns of an aggregate. */
  update(aggregate: T, columns: readonly Column[]): Statement {
    const { driver } = this.dataSource;
    const assignments = columns.map(({ databaseName }, index) => `${quoted(databaseName)} = $${index + 2}`);
    return {
      text: `UPDATE ${this.table} SET ${assignments.join(', ')} WHERE "id" = $1`,
      values: [
        aggregate.id,
        ...columns.map((column): unknown => driver.preparePersistentValue(column.getEntityValue(aggregate), column)),
      ],
    };
  }
}

const quoted = (name: string): string => `"${name}"`;
