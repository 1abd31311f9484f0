import { jetstream } from '@nats-io/jetstream';
import { headers as newHeaders, type MsgHdrs, type NatsConnection } from '@nats-io/nats-core';
import { type EventContract, OrderCanceled } from '@rookery/contracts';
import { DeadLetterHeaders, deadLetterSubject, eventType } from '@rookery/messaging';
import { uuidv7 } from '@rookery/platform';

/** Valid headers of an event that no service has published, with `changes` in their place. */
export function eventHeaders(contract: EventContract, changes: Readonly<Record<string, string>> = {}): MsgHdrs {
  const headers = newHeaders();
  const attributes = {
    'ce-specversion': '1.0',
    'ce-id': uuidv7(),
    'ce-type': eventType(contract),
    'ce-source': contract.producer,
    'ce-subject': uuidv7(),
    'ce-time': new Date().toISOString(),
    'ce-sequence': '1',
    'x-correlation-id': 'planted-event',
    ...changes,
  };
  for (const [name, value] of Object.entries(attributes)) {
    headers.set(name, value);
  }
  return headers;
}

/** Adds an event that payments can handle to its dead letters, as if all its attempts had failed. Returns the event's id. */
export async function plantDeadLetter(broker: NatsConnection): Promise<string> {
  const id = uuidv7();
  const headers = eventHeaders(OrderCanceled, {
    'ce-id': id,
    [DeadLetterHeaders.originalSubject]: OrderCanceled.subject,
    [DeadLetterHeaders.stream]: 'ORDERS',
    [DeadLetterHeaders.streamSequence]: '1',
    [DeadLetterHeaders.reason]: 'attempts-exhausted',
    [DeadLetterHeaders.attempts]: '14',
  });
  const data = JSON.stringify({ orderId: headers.get('ce-subject'), reason: 'customer-request' });
  await jetstream(broker).publish(deadLetterSubject('payments', OrderCanceled.subject), data, { headers });
  return id;
}
