import { QueryFailedError } from 'typeorm';

/** The setting that an address of the database comes from. */
export type AddressSetting = 'DATABASE_URL' | 'DATABASE_SESSION_URL';

/** The process cannot reach its database at the start. The message names the setting and the mend, never the password. */
export class DatabaseUnreachable extends Error {
  readonly port: number;

  constructor(url: string, cause: unknown, setting: AddressSetting = 'DATABASE_URL') {
    super(
      `cannot connect to the database that ${setting} names (${withoutPassword(url)}): ${reasonOf(cause)}. ` +
        `Start that Postgres (\`npm run infra\` starts the embedded one) or correct ${setting}.`,
      { cause },
    );
    this.name = 'DatabaseUnreachable';
    this.port = Number((URL.canParse(url) && new URL(url).port) || 5432);
  }
}

/** SQLSTATE or Node error code of a failed statement or connection; undefined when the error is neither. */
export function databaseErrorCode(error: unknown): string | undefined {
  const cause = causeOf(error);
  return cause !== undefined && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
}

/** True for a violated unique constraint (SQLSTATE 23505); with a name: of that constraint. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  if (databaseErrorCode(error) !== '23505') return false;
  if (constraint === undefined) return true;
  const cause = causeOf(error);
  return cause !== undefined && 'constraint' in cause && cause.constraint === constraint;
}

/** True for a deadlock (40P01) or a serialization failure (40001): nothing was done, the same work may succeed now. */
export function isTransactionConflict(error: unknown): boolean {
  const code = databaseErrorCode(error);
  return code === '40P01' || code === '40001';
}

/** SQLSTATE read_only_sql_transaction: a standby, or a server that an operator or a failover has closed for writing. */
const READ_ONLY = '25006';

/** True when the session reads but does not write: another server does, or this one will again. */
export const isReadOnly = (error: unknown): boolean =>
  error instanceof SessionReadOnly || databaseErrorCode(error) === READ_ONLY;

/** The server answers but takes no writes, as after a failover that this connection did not follow. */
export class SessionReadOnly extends Error {
  override readonly name = 'SessionReadOnly';

  constructor() {
    super('the database takes no writes');
  }
}

/**
 * Connection exceptions, insufficient resources (also a full disk), operator intervention (also a statement timeout), idle in transaction, and
 * a server that takes no writes.
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
 * node-postgres gives these errors no code. The last is TypeORM's: it gives a lost connection back to the pool under the feet of
 * the transaction on it, whose next statement is then not even sent.
 */
const UNAVAILABLE_MESSAGES =
  /Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|not queryable|Client was closed|query runner (?:was )?already released/i;

/** True when the database cannot work now and the same request may succeed later: the caller gets 503, not 500. */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (isTransactionConflict(error) || error instanceof DatabaseUnreachable || error instanceof SessionReadOnly)
    return true;
  const code = databaseErrorCode(error);
  if (code !== undefined && (UNAVAILABLE_STATES.test(code) || UNAVAILABLE_CODES.has(code))) return true;
  return UNAVAILABLE_MESSAGES.test(causeOf(error)?.message ?? '');
}

/** The driver's own error. Not `instanceof Error`: in Jest, Node's own errors come from another realm. */
function causeOf(error: unknown): ErrorLike | undefined {
  const cause: unknown = error instanceof QueryFailedError ? error.driverError : error;
  return isErrorLike(cause) ? cause : undefined;
}

function withoutPassword(url: string): string {
  if (!URL.canParse(url)) return 'not a URL';
  const { host, pathname, username } = new URL(url);
  return `${username}@${host}${pathname}`;
}

/** What an error says of itself, for logs and operators. */
export function reasonOf(cause: unknown): string {
  if (!isErrorLike(cause)) return 'unknown reason';
  // Several addresses that all refused leave the message empty.
  return cause.message || (databaseErrorCode(cause) ?? 'unknown reason');
}

interface ErrorLike {
  readonly message: string;
}

function isErrorLike(value: unknown): value is ErrorLike {
  return typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string';
}
