import { JetStreamApiCodes, JetStreamApiError, jetstream, type JetStreamManager } from '@nats-io/jetstream';
import { headers as newHeaders, type NatsConnection } from '@nats-io/nats-core';

/** Until each service had its own stream, all dead letters were in this one, under `dlq.>`. */
const SHARED = 'DLQ';

/** Frees the subjects of the shared stream for the services' own ones; its letters stay in it. Does nothing without one. */
export async function setSharedDeadLettersAside(manager: JetStreamManager): Promise<void> {
  if (await exists(manager)) {
    await manager.streams.update(SHARED, { subjects: ['retired-dlq'] });
  }
}

/** Moves the letters of the shared stream to the services' own ones and deletes it. Done again after a crash it adds nothing. */
export async function moveSharedDeadLetters(admin: NatsConnection, manager: JetStreamManager): Promise<void> {
  if (!(await exists(manager))) {
    return;
  }
  const client = jetstream(admin);
  for (let seq = 1; ; seq += 1) {
    const query = { seq, next_by_subj: 'dlq.>' };
    const letter = await manager.streams.getMessage(SHARED, query);
    if (letter === null) {
      break;
    }
    ({ seq } = letter);
    const headers = newHeaders();
    for (const [name, values] of letter.header) {
      if (!name.toLowerCase().startsWith('nats-')) {
        values.forEach((value) => headers.append(name, value));
      }
    }
    await client.publish(letter.subject, letter.data, { headers, msgID: `${SHARED}:${seq}` });
  }
  await manager.streams.delete(SHARED);
}

async function exists(manager: JetStreamManager): Promise<boolean> {
  try {
    await manager.streams.info(SHARED);
    return true;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound) {
      return false;
    }
    throw error;
  }
}
