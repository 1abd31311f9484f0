import { type DeadLetterConsumer, eventContracts } from '@rookery/contracts';
import type { JetStreamServer } from '@rookery/messaging';

/** Names of the events that a service has handlers for, and of those that the contracts declare; a spec expects both to be equal. */
export function handledEvents(
  server: JetStreamServer,
  service: DeadLetterConsumer,
): { readonly handled: readonly string[]; readonly declared: readonly string[] } {
  const subjects = server.getHandlers();
  return {
    handled: eventContracts.filter(({ subject }) => subjects.has(subject)).map(({ name }) => name),
    declared: eventContracts.filter(({ handledBy }) => handledBy.includes(service)).map(({ name }) => name),
  };
}
