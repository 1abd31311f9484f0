import type { ClientBase } from 'pg';
import { type AfterQueryEvent, type EntitySubscriberInterface, EventSubscriber } from 'typeorm';
import { reasonOf } from './database-errors';

/** How node-postgres says that `query_timeout` ran out. */
const NO_ANSWER = 'Query read timeout';

interface Endable extends ClientBase {
  end(): Promise<void>;
}

/**
 * Ends a connection on which an answer did not come. Without this node-postgres gives it back to the pool, where it would fail
 * one request after the other for as long as the kernel believes in it: a quarter of an hour.
 */
@EventSubscriber()
export class HalfOpenConnections implements EntitySubscriberInterface {
  afterQuery({ success, error, queryRunner }: AfterQueryEvent): void {
    if (success || reasonOf(error) !== NO_ANSWER) return;
    void queryRunner
      .connect()
      .then((client: Endable) => client.end())
      .catch(() => undefined);
  }
}
