import { QueryFailedError } from 'typeorm';

/** The setting with an address of the database. */
export type AddressSetting = 'DATABASE_URL' | 'DATABASE_SESSION_URL';

/** The process cannot reach its database at start. The message names the setting and the remedy, never the password. */
export class DatabaseUnreachable extends Error {
  readonly port: number;

  constructor(
    url: string,
    cause: unknown,
    /** The start failure names it. */
    readonly setting: AddressSetting = 'DATABASE_URL',
  ) {
    super(
      `cannot connect to the database in ${setting} (${withoutPassword(url)}): ${reasonOf(cause)}. ` +
        `Start that Postgres (\`npm run infra\` starts the embedded one) or correct ${setting}.`,
      { cause },
    );
    this.name = 'DatabaseUnreachable';
    this.port = Number((URL.canParse(url) && new URL(url).port) || 5432);
  }
}

/** SQLSTATE or Node error code of a failed statement or connection; undefined for other errors. */
export function databaseErrorCode(error: unknown): string | undefined {
  const cause = causeOf(error);
  return cause !== undefined && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
}

/** Whether a unique constraint was violated (SQLSTATE 23505): the given one, or any. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  if (databaseErrorCode(error) !== '23505') {
    return false;
  }
  if (constraint === undefined) {
    return true;
  }
  const cause = causeOf(error);
  return cause !== undefined && 'constraint' in cause && cause.constraint === constraint;
}

/** Whether it is a deadlock (40P01) or a serialization failure (40001): nothing was done, and a retry may succeed. */
export function isTransactionConflict(error: unknown): boolean {
  const code = databaseErrorCode(error);
  return code === '40P01' || code === '40001';
}

/** SQLSTATE read_only_sql_transaction: a standby, or a server that an operator or a failover has made read-only. */
const READ_ONLY = '25006';

/** Whether the session is read-only: another server takes writes now, or this one will again. */
export const isReadOnly = (error: unknown): boolean =>
  error instanceof SessionReadOnly || databaseErrorCode(error) === READ_ONLY;

/** The server answers but is read-only, as after a failover that this connection did not follow. */
export class SessionReadOnly extends Error {
  override readonly name = 'SessionReadOnly';

  constructor() {
    super('the database takes no writes');
  }
}

/**
 * Connection exceptions, insufficient resources (including a full disk), operator intervention (including a statement timeout), idle in
 * transaction, and a read-only server.
 */
const UNAVAILABLE_STATES = /^(08|53|57|58|25P03|25006)/;
const UNAVAILABLE_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);
/**
 * Errors of node-postgres without code. The last one is TypeORM's: it returns a lost connection to the pool while a transaction still uses it,
 * and does not send the next statement of that transaction.
 */
const UNAVAILABLE_MESSAGES =
  /Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|not queryable|Client was closed|query runner (?:was )?already released/i;

/** Whether the database is unavailable and the same request may succeed later: the caller gets 503 and not 500. */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (isTransactionConflict(error) || error instanceof DatabaseUnreachable || error instanceof SessionReadOnly) {
    return true;
  }
  const code = databaseErrorCode(error);
  if (code !== undefined && (UNAVAILABLE_STATES.test(code) || UNAVAILABLE_CODES.has(code))) {
    return true;
  }
  return UNAVAILABLE_MESSAGES.test(causeOf(error)?.message ?? '');
}

/** The driver's error. It does not use `instanceof Error`, because in Jest Node's errors come from another realm. */
function causeOf(error: unknown): ErrorLike | undefined {
  const cause: unknown = error instanceof QueryFailedError ? error.driverError : error;
  return isErrorLike(cause) ? cause : undefined;
}

function withoutPassword(url: string): string {
  if (!URL.canParse(url)) {
    return 'not a URL';
  }
  const { host, pathname, username } = new URL(url);
  return `${username}@${host}${pathname}`;
}

/** Message or code of an error, for logs and operators. */
export function reasonOf(cause: unknown): string {
  if (!isErrorLike(cause)) {
    return 'unknown reason';
  }
  // The message is empty when all of several addresses refused the connection.
  return cause.message || (databaseErrorCode(cause) ?? 'unknown reason');
}

interface ErrorLike {
  readonly message: string;
}

function isErrorLike(value: unknown): value is ErrorLike {
  return typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string';
}
