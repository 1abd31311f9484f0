import { type DestinationStream, type Logger, pino } from 'pino';
import type { LogLevel } from '../config/settings';
import { currentContext } from '../context/request-context';
import { traceIdOf } from '../context/trace-context';

export type { Logger } from 'pino';

/** Names under which secrets stand, in any spelling: `paymentToken`, `client_secret`, `set-cookie`, `DATABASE_URL`. */
const SECRET_NAME =
  /token|secret|password|passwd|authorization|cookie|credential|assertion|code_?verifier|private_?key|signing_?key|sealing_?key|database_?url|^(?:key|pass|jwk)$/i;
const DEEPEST = 2;

/** Field names are written in our code, so there are few; the bound protects against code that logs input. */
const MOST_NAMES = 1_000;
const LONGEST_NAME = 64;
const secretNames = new Map<string, boolean>();

function isSecret(name: string): boolean {
  const known = secretNames.get(name);
  if (known !== undefined) {
    return known;
  }
  const secret = SECRET_NAME.test(name);
  if (secretNames.size < MOST_NAMES && name.length <= LONGEST_NAME) {
    secretNames.set(name, secret);
  }
  return secret;
}

/** Secrets in any position: a JWT, the credentials of an authorization header, and those in an address. */
const JWT = /\beyJ[\w-]+\.[\w-]+\.[\w-]*/g;
const HEADER = /\b(Bearer|Basic) +[\w.~+/=-]{8,}/gi;
const ADDRESS = /(\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:/@"\\]{0,200}):[^\s/@"\\]{1,500}@/gi;
const SUSPICIOUS = /eyJ|bearer|basic|:\/\//i;

/** The finished line without such secrets: a message may repeat what a client or a setting said. No pattern reaches over a JSON string's end. */
function scrub(line: string): string {
  if (!SUSPICIOUS.test(line)) {
    return line;
  }
  return line.replace(JWT, '[redacted]').replace(HEADER, '$1 [redacted]').replace(ADDRESS, '$1:[redacted]@');
}

/**
 * The fields with the values under the names of secrets replaced. Not pino's own redaction: path patterns for every name and
 * depth cost more than the rest of the line.
 */
function redact(fields: Record<string, unknown>, depth = 0): Record<string, unknown> {
  let redacted = fields;
  for (const [name, value] of Object.entries(fields)) {
    const replacement = isSecret(name)
      ? '[redacted]'
      : depth < DEEPEST && isPlain(value)
        ? redact(value, depth + 1)
        : value;
    if (replacement === value) {
      continue;
    }
    if (redacted === fields) {
      redacted = { ...fields };
    }
    redacted[name] = replacement;
  }
  return redacted;
}

/** Errors and other classes have a serializer, or no fields that were meant to be read. */
function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Error messages come from our code or a library; other fields (query parameters, a request body) stay out of the log. */
function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) {
    return { type: typeof error };
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return {
    type: error.name,
    message: error.message,
    ...(code !== undefined && { code }),
    stack: error.stack,
    ...(error.cause !== undefined && depth < 3 && { cause: describeError(error.cause, depth + 1) }),
  };
}

/**
 * A logger of JSON lines, each with service, correlation id and trace id of the running request. Values under the names
 * of secrets are redacted, two levels deep, and JWTs and credentials in any text; that is a net, not a licence: payloads are not
 * logged at all.
 */
export function createLogger(service: string, level: LogLevel = 'info', destination?: DestinationStream): Logger {
  return pino(
    {
      level,
      base: { service },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: (fields) => redact(fields) },
      serializers: { err: (error: unknown) => describeError(error), error: (error: unknown) => describeError(error) },
      hooks: { streamWrite: scrub },
      mixin: () => {
        const context = currentContext();
        if (context === undefined) {
          return {};
        }
        return { correlationId: context.correlationId, traceId: traceIdOf(context.traceparent) };
      },
    },
    // A line waits only while the previous portion is being written; the end of the process writes what is left.
    destination ?? pino.destination({ dest: 1, sync: false }),
  );
}

/** The process's logger. `runService` names it and sets its level before anything else logs. */
export let logger: Logger = createLogger('rookery');

/** Names the process in every line from now on. Importers see the new `logger`: the binding is live. */
export function configureLogger(service: string, level: LogLevel, destination?: DestinationStream): void {
  logger = createLogger(service, level, destination);
}
