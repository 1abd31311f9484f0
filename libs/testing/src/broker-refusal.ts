import { type NatsConnection, PermissionViolationError } from '@nats-io/nats-core';

/** Acts over a connection, closes it, and returns the subject that the broker rejected; undefined if it allowed the action. */
export async function brokerRefusal(
  connection: NatsConnection,
  act: (connection: NatsConnection) => void,
): Promise<string | undefined> {
  const statuses = connection.status();
  act(connection);
  // The broker answers in order: a rejection precedes the pong.
  await connection.flush();
  const refused = (async () => {
    for await (const status of statuses) {
      if (status.type === 'error' && status.error instanceof PermissionViolationError) {
        return status.error.subject;
      }
    }
    return undefined;
  })();
  await connection.close();
  return refused;
}
