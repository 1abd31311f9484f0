import { NatsUnreachable } from './nats';

/** Why a job with the broker's admin failed, in one line. */
export function adminFailure(error: unknown): string {
  if (error instanceof NatsUnreachable) {
    return error.message;
  }
  const message = error instanceof Error ? error.message : String(error);
  // A user without the permission is told so, or gets no answer.
  return /permission|timeout/i.test(message) ? `${message}. Is NATS_NKEY_SEED that of the account’s admin?` : message;
}
