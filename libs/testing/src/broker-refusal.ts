import { PermissionViolationError, type NatsConnection } from '@nats-io/nats-core';

/** Does something over a connection, ends it, and answers with the subject of the broker's refusal; undefined when it allowed it. */
export async function brokerRefusal(
  connection: NatsConnection,
  act: (connection: NatsConnection) => void,
): Promise<string | undefined> {
  const statuses = connection.status();
  act(connection);
  // The broker answers in order: a refusal comes before the pong.
  await connection.flush();
  const refused = (async () => {
    for await (const status of statuses) {
      if (status.type === 'error' && status.error instanceof PermissionViolationError) return status.error.subject;
    }
    return undefined;
  })();
  await connection.close();
  return refused;
}
