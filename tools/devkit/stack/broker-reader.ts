import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager, type JsMsg } from '@nats-io/jetstream';
import type { MsgHdrs, NatsConnection } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { brokerLogin } from '@rookery/messaging';
import type { IsolatedStack } from './isolated-stack';

/** A message as it lies in a stream. */
export interface StoredMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: MsgHdrs | undefined;
}

/** Runs with a connection of the broker's admin. */
export async function asAdmin<T>(stack: IsolatedStack, work: (admin: NatsConnection) => Promise<T>): Promise<T> {
  const admin = await connect({ servers: stack.brokerUrl, ...brokerLogin(stack.brokerAdmin), timeout: 10_000 });
  try {
    return await work(admin);
  } finally {
    await admin.close();
  }
}

/** Names of the streams, and whether each holds dead letters. */
export async function streamsOf(
  admin: NatsConnection,
): Promise<readonly { readonly name: string; readonly dead: boolean }[]> {
  const manager = await jetstreamManager(admin);
  const streams = await manager.streams.list().next();
  return streams.map(({ config }) => ({
    name: config.name,
    dead: config.subjects.some((subject) => subject.startsWith('dlq.')),
  }));
}

/** Everything a stream holds, oldest first. */
export async function messagesOf(admin: NatsConnection, stream: string): Promise<readonly StoredMessage[]> {
  const manager = await jetstreamManager(admin);
  const { state } = await manager.streams.info(stream);
  const messages: StoredMessage[] = [];
  if (state.messages === 0) {
    return messages;
  }
  const { name } = await manager.consumers.add(stream, {
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.All,
    mem_storage: true,
  });
  const consumer = await jetstream(admin).consumers.get(stream, name);
  for (let left = state.messages; left > 0;) {
    const batch: JsMsg[] = [];
    for await (const message of await consumer.fetch({ max_messages: Math.min(left, 500), expires: 5_000 })) {
      batch.push(message);
    }
    if (batch.length === 0) {
      break;
    }
    for (const { subject, data, headers } of batch) {
      messages.push({ subject, data, headers });
    }
    left -= batch.length;
  }
  await manager.consumers.delete(stream, name);
  return messages;
}

/** Whether every durable consumer has handled all there is. */
export async function consumersAreIdle(admin: NatsConnection): Promise<boolean> {
  const manager = await jetstreamManager(admin);
  for (const { name, dead } of await streamsOf(admin)) {
    if (dead) {
      continue;
    }
    const consumers = await manager.consumers.list(name).next();
    if (consumers.some(({ num_pending, num_ack_pending }) => num_pending + num_ack_pending > 0)) {
      return false;
    }
  }
  return true;
}
