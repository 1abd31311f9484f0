import type { DataSource, EntityMetadata } from 'typeorm';
import type { AggregateRoot } from './aggregate-root';

type Column = EntityMetadata['columns'][number];
/** A row that `lock` has read. */
export type LockedRow = Readonly<Record<string, unknown>>;

/** Each column's value as text. */
export type Snapshot = ReadonlyMap<Column, string>;

/** A statement for many rows, which takes an array per column, and one of its rows. */
export interface RowStatement {
  readonly text: string;
  readonly row: readonly unknown[];
}

/**
 * The statements of every change of an aggregate, made once from TypeORM's mapping. Its query builder would build them anew each time, and was
 * the largest item of our own in profiles under load (decision 40). Each one takes any number of aggregates.
 */
export class AggregateStatements<T extends AggregateRoot> {
  /** Reads and locks the rows with the ids `$1`, in the order of their ids; `now` is the database's time. */
  readonly lock: string;
  private readonly table: string;
  private readonly insertion: string;
  private readonly always: readonly Column[];
  private readonly updates = new Map<string, string>();

  constructor(
    private readonly metadata: EntityMetadata,
    private readonly dataSource: DataSource,
  ) {
    this.table = metadata.tablePath.split('.').map(quoted).join('.');
    this.always = metadata.columns.filter(({ propertyName }) => ['version', 'updatedAt'].includes(propertyName));
    const columns = metadata.columns.map(({ databaseName }) => quoted(databaseName)).join(', ');
    const cast = metadata.columns.map((column) => `${quoted(column.databaseName)}${this.castOf(column)}`).join(', ');
    this.insertion = `INSERT INTO ${this.table} (${columns})
      SELECT ${cast} FROM unnest(${this.arraysOf(metadata.columns, 1)}) AS new (${columns})`;
    this.lock = `SELECT ${columns}, now() AS "now()" FROM ${this.table} WHERE "id" = ANY($1) ORDER BY "id" FOR UPDATE`;
    if (metadata.columns.some(({ isArray }) => isArray)) {
      throw new Error(`${metadata.name}: an aggregate with an array column cannot be written by rows`);
    }
  }

  /** The database's time in a row that `lock` has read. */
  timeOf(row: LockedRow): Date {
    const now = row['now()'];
    if (!(now instanceof Date)) {
      throw new Error('the database did not return its time');
    }
    return now;
  }

  /** The aggregate of a row that `lock` has read. */
  aggregateOf(aggregate: T, row: LockedRow): T {
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

  /** Writes new aggregates. */
  insert(aggregates: readonly T[]): { readonly text: string; readonly values: unknown[] } {
    const { columns } = this.metadata;
    return {
      text: this.insertion,
      values: columns.map((column) => aggregates.map((aggregate) => this.valueOf(aggregate, column))),
    };
  }

  /** Writes the version, the time of the change and the given columns of an aggregate. */
  update(aggregate: T, changes: readonly Column[]): RowStatement {
    const columns = [...this.always, ...changes.filter((column) => !this.always.includes(column))];
    const key = columns.map(({ databaseName }) => databaseName).join();
    let text = this.updates.get(key);
    if (text === undefined) {
      text = this.updateOf(columns);
      this.updates.set(key, text);
    }
    return { text, row: [aggregate.id, ...columns.map((column) => this.valueOf(aggregate, column))] };
  }

  private updateOf(columns: readonly Column[]): string {
    const names = columns.map(({ databaseName }) => quoted(databaseName));
    const assignments = columns.map((column, index) => `${names[index]} = new.${names[index]}${this.castOf(column)}`);
    return `UPDATE ${this.table} AS root SET ${assignments.join(', ')}
      FROM unnest($1::uuid[], ${this.arraysOf(columns, 2)}) AS new (${['"id"', ...names].join(', ')}) WHERE root."id" = new."id"`;
  }

  /** @throws {Error} when the value is undefined: the database's default would not be in the aggregate */
  private valueOf(aggregate: T, column: Column): unknown {
    const value: unknown = column.getEntityValue(aggregate);
    if (value === undefined) {
      throw new Error(`${this.metadata.name}.${column.propertyName} is undefined`);
    }
    return this.dataSource.driver.preparePersistentValue(value, column);
  }

  /** Parameters of `unnest` from `$first` on, an array per column. */
  private arraysOf(columns: readonly Column[], first: number): string {
    return columns.map((column, index) => `$${first + index}::${this.transportOf(column)}[]`).join(', ');
  }

  private castOf(column: Column): string {
    return this.isJson(column) ? `::${this.typeOf(column)}` : '';
  }

  /** JSON travels as text, because an array of it would be escaped twice; text of a limited length too, because a cast cuts it off. */
  private transportOf(column: Column): string {
    const type = this.typeOf(column);
    return this.isJson(column) || type.startsWith('character') ? 'text' : type;
  }

  private isJson(column: Column): boolean {
    return ['json', 'jsonb'].includes(this.typeOf(column));
  }

  private typeOf(column: Column): string {
    return this.dataSource.driver.normalizeType(column);
  }
}

const quoted = (name: string): string => `"${name}"`;
