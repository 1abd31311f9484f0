import type { ServiceConfig } from '../config/settings';

/** A well-formed setting that turns out to be unusable at run time. The message names it and the correction. */
export class UnusableSetting extends Error {}

/** Settings that can cause a failed start. */
interface Addresses extends ServiceConfig {
  readonly DATABASE_URL?: unknown;
  readonly NATS_URL?: unknown;
}

/** What the bundles are compiled for (`target` in nx.json): on an older Node they start and fail later. */
const NODE_MAJOR = 24;

/** One line when this Node is too old for the bundles; undefined otherwise. */
export function explainOldNode(name: string, nodeVersion: string): string | undefined {
  if (Number.parseInt(nodeVersion, 10) >= NODE_MAJOR) {
    return undefined;
  }
  return `${name} cannot start: it needs Node ${NODE_MAJOR} or newer, this is Node ${nodeVersion}.`;
}

/** One line for the operator: what is wrong, which variable to check, what to do. Never a secret's value. */
export function explainStartFailure(name: string, error: unknown, config: Addresses): string {
  return `${name} cannot start: ${reasonOf(error, config)}`;
}

function reasonOf(error: unknown, config: Addresses): string {
  if (error instanceof UnusableSetting) {
    return error.message;
  }
  const code = codeOf(error);
  const setting = databaseSettingOf(error) ?? 'DATABASE_URL';
  switch (code) {
    case 'EADDRINUSE':
      return `port ${config.PORT} is taken. Stop what listens there, or set PORT to a free one.`;
    case 'EACCES':
    case 'EADDRNOTAVAIL':
      return `cannot listen on ${config.HOST}:${config.PORT} (${code}). Set HOST and PORT to an address of this machine.`;
    case '28P01':
    case '28000':
      return `the database refuses the log-in. Check role and password in ${setting}.`;
    case '3D000':
      return `the database does not exist. Check the name in ${setting}, and that the databases were created.`;
    case 'TRANSACTION_POOLING':
      return 'DATABASE_URL leads to a pooler that pools transactions, where time limits and locks of a session do not hold. Let it pool sessions (PgBouncer: pool_mode = session), or connect to the server itself; DATABASE_SESSION_URL, where it is set, must lead to the server itself.';
    case '25006':
      return 'the database takes no writes now: it is a standby, or was closed for writing. It is tried again at the next start.';
    case 'MIGRATIONS_PENDING':
      return 'the database is older than this release. Run the migrations of this service (migrate.js) first.';
    case '42P01':
      return 'a table is missing. Run the migrations of this service (migrate.js) first.';
    default:
      return refusedSession(error, setting) ?? unreachable(error, config) ?? 'see the error above.';
  }
}

/** The setting of the address that failed, where the error names it. */
function databaseSettingOf(error: unknown): string | undefined {
  for (const one of chain(error)) {
    if ('setting' in one && typeof one.setting === 'string') {
      return one.setting;
    }
  }
  return undefined;
}

/** The reply of a database server, or of a pooler in front of it: so something listens there. */
function refusedSession(error: unknown, setting: string): string | undefined {
  const answered = chain(error).find(
    (one) => 'severity' in one && 'code' in one && typeof one.code === 'string' && /^(?:08|28|3D)/.test(one.code),
  );
  return answered === undefined
    ? undefined
    : `what answers at ${setting} refuses the session: ${answered.message}. A pooler must know this database and role.`;
}

function unreachable(error: unknown, config: Addresses): string | undefined {
  const text = `${nameOf(error)} ${error instanceof Error ? error.message : ''}`;
  if (/authorization violation|AuthorizationError/i.test(text)) {
    return 'the NATS server refuses the log-in. Check NATS_NKEY_SEED.';
  }
  const port = portOf(error);
  const setting = databaseSettingOf(error);
  if (port !== undefined && (setting !== undefined || portsIn(config.DATABASE_URL).includes(port))) {
    return `no database answers on port ${port}. Start it, or correct ${setting ?? 'DATABASE_URL'}.`;
  }
  if ((port !== undefined && portsIn(config.NATS_URL).includes(port)) || /ConnectionError|NATS/.test(text)) {
    return 'no NATS server answers. Start it, or correct NATS_URL.';
  }
  return undefined;
}

/** An error and its causes: drivers wrap theirs. */
function chain(error: unknown, depth = 0): readonly Error[] {
  if (!(error instanceof Error) || depth > 5) {
    return [];
  }
  const inner = error instanceof AggregateError ? error.errors.flatMap((one) => chain(one, depth + 1)) : [];
  return [error, ...inner, ...chain(error.cause, depth + 1)];
}

function codeOf(error: unknown): string | undefined {
  for (const one of chain(error)) {
    if ('code' in one && typeof one.code === 'string') {
      return one.code;
    }
  }
  return undefined;
}

function portOf(error: unknown): number | undefined {
  for (const one of chain(error)) {
    if ('port' in one && typeof one.port === 'number') {
      return one.port;
    }
  }
  return undefined;
}

function nameOf(error: unknown): string {
  return chain(error)
    .map((one) => one.name)
    .join(' ');
}

function portsIn(url: unknown): readonly number[] {
  return typeof url === 'string' ? [...url.matchAll(/:(\d{2,5})(?=[/,?]|$)/g)].map((match) => Number(match[1])) : [];
}
