import type { LoggerService } from '@nestjs/common';
import { logger } from './logger';

/** Nest's messages while it builds an application are noise in production. */
const quiet = new Set([
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestFactory',
  'NestApplication',
  'NestMicroservice',
]);

/** Nest's own lines and those of its `Logger` in the JSON form of all others. */
export class NestLogger implements LoggerService {
  log(message: unknown, ...rest: unknown[]): void {
    const context = contextOf(rest);
    logger[quiet.has(context) ? 'debug' : 'info']({ context }, asText(message));
  }

  error(message: unknown, ...rest: unknown[]): void {
    // Nest passes a stack, a context, both or an Error.
    const stack = rest.find((value) => typeof value === 'string' && value.includes('\n'));
    const fields = { context: contextOf(rest), ...(message instanceof Error ? { err: message } : { stack }) };
    logger.error(fields, asText(message));
  }

  warn(message: unknown, ...rest: unknown[]): void {
    logger.warn({ context: contextOf(rest) }, asText(message));
  }

  debug(message: unknown, ...rest: unknown[]): void {
    logger.debug({ context: contextOf(rest) }, asText(message));
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    logger.trace({ context: contextOf(rest) }, asText(message));
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    logger.fatal({ context: contextOf(rest) }, asText(message));
  }
}

function contextOf(rest: readonly unknown[]): string {
  const last = rest.at(-1);
  return typeof last === 'string' && !last.includes('\n') ? last : 'Nest';
}

function asText(message: unknown): string {
  if (typeof message === 'string') {
    return message;
  }
  return message instanceof Error ? message.message : 'unreadable message';
}
