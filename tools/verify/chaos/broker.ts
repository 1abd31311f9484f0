import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { headers as newHeaders, type NatsConnection } from '@nats-io/nats-core';
import { eventEdges, type Service } from '@rookery/contracts';
import { asAdmin, type StoredMessage } from '@rookery/devkit/stack/broker-reader';
import type { IsolatedStack } from '@rookery/devkit/stack/isolated-stack';

/** Puts a message into its stream once more, under no message id: the stream takes it for a new one. */
export async function publishAgain(admin: NatsConnection, { subject, data, headers }: StoredMessage): Promise<void> {
  const copy = newHeaders();
  for (const [name, values] of headers ?? []) {
    if (!name.toLowerCase().startsWith('nats-')) {
      for (const value of values) {
        copy.append(name, value);
      }
    }
  }
  await jetstream(admin).publish(subject, data, { headers: copy });
}

/** How often the broker has delivered something to a service that it had delivered before, since the consumers were made. */
export async function redeliveriesTo(stack: IsolatedStack, service: Service): Promise<number> {
  return asAdmin(stack, async (admin) => {
    const manager = await jetstreamManager(admin);
    const counts = await Promise.all(
      (eventEdges[service] ?? []).map(async (producer) => {
        const { delivered } = await manager.consumers.info(producer.toUpperCase(), service);
        return delivered.consumer_seq - delivered.stream_seq;
      }),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  });
}
