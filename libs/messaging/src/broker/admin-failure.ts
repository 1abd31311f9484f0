import { NatsUnreachable } from './nats';

/** One line on why a job with the broker's admin failed. */
export function adminFailure(error: unknown): string {
  if (error instanceof NatsUnreachable) {
    return error.message;
  }
  const message = error instanceof Error ? error.message : String(error);
  // A user without the permission gets an error or no answer.
  return /permission|timeout/i.test(message)
    ? `${message}. Is NATS_NKEY_SEED the seed of the account’s admin?`
    : message;
}
