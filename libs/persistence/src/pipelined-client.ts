import * as pg from 'pg';
import { databaseErrorCode } from './database-errors';

/** SQLSTATEs of a statement behind a failed one: in_failed_sql_transaction, and a prepared statement that was not parsed because of it. */
const BEHIND_A_FAILURE: readonly (string | undefined)[] = ['25P02', '26000'];
/** A connection prepares this many texts. Further ones are parsed each time: texts that differ per request must not fill the server's memory. */
const MAX_PREPARED = 250;

/** What has no effect outside of a transaction. */
const WITHOUT_EFFECT = /^(?:SELECT|SET LOCAL|SET TRANSACTION)\b/;

const START = 'START TRANSACTION';
const COMMIT = 'COMMIT';
const ROLLBACK = 'ROLLBACK';

/** A failed statement aborted the transaction, and the work caught its error: Postgres answers the COMMIT with a rollback. */
export class TransactionAborted extends Error {
  override readonly name = 'TransactionAborted';

  constructor() {
    super('the transaction was aborted by an earlier statement; a caught database error needs a savepoint');
  }
}

interface Write {
  readonly text: string;
  readonly values: readonly unknown[];
  /** The values are one array per column, which takes further rows. */
  readonly columns?: readonly unknown[][];
}

/**
 * A connection that saves round trips and parsing, for statements that TypeORM sends one by one:
 *
 * - START TRANSACTION travels with the first statement of its transaction, if that is a SELECT. If START failed, a write behind it would take
 *   effect at once. An empty transaction sends nothing.
 * - Writes whose result nobody needs (`later`) travel with the next statement, at the latest with the COMMIT.
 * - Statements with parameters are prepared once per connection.
 *
 * Postgres processes the statements of a connection in their order, and after a failure it rejects the rest of the transaction and answers COMMIT
 * with a rollback. So a COMMIT may follow writes whose answers are still on the way: it succeeds only if all of them did.
 */
export class PipelinedClient extends pg.Client {
  private readonly prepared = new Map<string, string>();
  private starts = false;
  /** A START on its way, for which the statements of the transaction wait. */
  private starting: Promise<unknown> | undefined;
  private unanswered = 0;
  private writes: Write[] = [];
  /** The first failure of a statement of the running transaction that nobody waited for. */
  private failure: { readonly error: unknown } | undefined;

  constructor(config?: pg.ClientConfig) {
    super({ ...config, pipeline: true });
  }

  /** Whether nothing is left to send or to be answered, and no transaction is open, which the connection's next user would continue. */
  get isIdle(): boolean {
    return !this.starts && this.writes.length === 0 && this.unanswered === 0 && this.getTransactionStatus() === 'I';
  }

  /** Ends the connection at once, whatever is on its way. */
  abandon(): void {
    this.connection.stream.destroy();
  }

  /**
   * Sends a write with the next statement. Its failure is the failure of a later statement or of the COMMIT.
   * @throws {TypeError} when a value cannot be written as JSON
   */
  later(text: string, values: readonly unknown[]): void {
    this.writes.push({ text, values: values.map(serialized) });
  }

  /**
   * The same for a row of a statement that takes an array per column. Rows of the same statement are sent together.
   * @throws {TypeError} when a value cannot be written as JSON
   */
  rowLater(text: string, row: readonly unknown[]): void {
    const values = row.map(serialized);
    const waiting = this.writes.find((write) => write.text === text)?.columns;
    if (waiting === undefined) {
      const columns = values.map((value) => [value]);
      this.writes.push({ text, values: columns, columns });
    } else {
      waiting.forEach((column, index) => column.push(values[index]));
    }
  }

  // node-postgres declares eight signatures and infers results that it does not know.
  /* eslint-disable @typescript-eslint/no-explicit-any, @typescript-eslint/no-unsafe-argument, @typescript-eslint/no-confusing-void-expression */
  override query(...args: readonly [any, any?, any?]): any {
    const statement: unknown = args[0];
    const values: unknown = args[1];
    if (typeof statement === 'string' && args.length <= 2 && typeof values !== 'function') {
      return this.typed(statement, Array.isArray(values) ? values : []);
    }
    const result: unknown = this.pass(() => super.query(...args));
    return result;
  }
  /* eslint-enable @typescript-eslint/no-explicit-any, @typescript-eslint/no-unsafe-argument, @typescript-eslint/no-confusing-void-expression */

  private async typed(text: string, values: readonly unknown[]): Promise<pg.QueryResult> {
    try {
      switch (text) {
        case START:
          this.starts = true;
          this.failure = undefined;
          return nothingDone(START);
        case COMMIT:
          return await this.commit();
        case ROLLBACK:
          return await this.rollBack();
        default:
          await this.started(text);
          return await this.pass(() => this.execute(text, values));
      }
    } catch (error) {
      // This rejection only says that an earlier statement failed.
      throw this.failure !== undefined && BEHIND_A_FAILURE.includes(databaseErrorCode(error))
        ? this.failure.error
        : error;
    }
  }

  private async commit(): Promise<pg.QueryResult> {
    if (this.starts && this.writes.length === 0) {
      this.starts = false;
      return nothingDone(COMMIT);
    }
    try {
      await this.started(COMMIT);
      const result = await this.pass(() => this.execute(COMMIT, []));
      if (result.command === ROLLBACK) {
        throw this.failure === undefined ? new TransactionAborted() : this.failure.error;
      }
      return result;
    } finally {
      this.failure = undefined;
    }
  }

  private async rollBack(): Promise<pg.QueryResult> {
    this.writes = [];
    if (this.starts) {
      this.starts = false;
      return nothingDone(ROLLBACK);
    }
    try {
      return await this.execute(ROLLBACK, []);
    } finally {
      this.failure = undefined;
    }
  }

  /** Waits for the START of the transaction, unless what follows it has no effect without it. */
  private async started(text: string): Promise<void> {
    const follow = [...this.writes.map((write) => write.text), text];
    if (this.starts && follow.some((one) => !WITHOUT_EFFECT.test(one))) {
      this.starts = false;
      this.starting = this.start().finally(() => (this.starting = undefined));
    }
    if (this.starting !== undefined) {
      await this.starting;
    }
  }

  /** After a failure the work's next statements would take effect one by one. */
  private async start(): Promise<void> {
    try {
      await this.execute(START, []);
    } catch (error) {
      this.abandon();
      throw error;
    }
  }

  /** Sends what waits, then a statement, in one portion. */
  private pass<Result>(submit: () => Result): Result {
    const { stream } = this.connection;
    stream.cork();
    try {
      if (this.starts) {
        this.starts = false;
        this.start().catch(() => undefined);
      }
      for (const { text, values } of this.writes.splice(0)) {
        this.execute(text, values).catch((error: unknown) => (this.failure ??= { error }));
      }
      return submit();
    } finally {
      stream.uncork();
    }
  }

  private execute(text: string, values: readonly unknown[]): Promise<pg.QueryResult> {
    const answer: Promise<pg.QueryResult> =
      values.length === 0 ? super.query(text) : super.query({ name: this.nameOf(text), text, values: [...values] });
    this.unanswered += 1;
    const answered = (): void => void (this.unanswered -= 1);
    answer.then(answered, answered);
    return answer;
  }

  private nameOf(text: string): string | undefined {
    const known = this.prepared.get(text);
    if (known !== undefined || this.prepared.size === MAX_PREPARED) {
      return known;
    }
    const name = `s${this.prepared.size}`;
    this.prepared.set(text, name);
    return name;
  }
}

/** An object as node-postgres would write it, but here: a value that has no JSON must fail before anything is sent. */
const serialized = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
    ? JSON.stringify(value)
    : value;

const nothingDone = (command: string): pg.QueryResult => ({ command, rowCount: null, oid: 0, fields: [], rows: [] });
