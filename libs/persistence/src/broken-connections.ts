import type { ClientBase } from 'pg';
import { type AfterQueryEvent, type EntitySubscriberInterface, EventSubscriber } from 'typeorm';
import { isReadOnly, reasonOf } from './database-errors';
import { renewConnections } from './renewable-pool';

/** How node-postgres says that `query_timeout` ran out. */
const NO_ANSWER = 'Query read timeout';

interface Endable extends ClientBase {
  end(): Promise<void>;
}

/**
 * Ends a connection that is of no more use. One on which an answer did not come node-postgres gives back to the pool, where it would fail
 * one request after the other for as long as the kernel believes in it: a quarter of an hour. One that cannot write leads to a server that
 * was demoted: all the others of its pool do, too.
 */
@EventSubscriber()
export class BrokenConnections implements EntitySubscriberInterface {
  afterQuery({ success, error, queryRunner }: AfterQueryEvent): void {
    if (success) return;
    const readOnly = isReadOnly(error);
    if (!readOnly && reasonOf(error) !== NO_ANSWER) return;
    if (readOnly) renewConnections(queryRunner.dataSource);
    void queryRunner
      .connect()
      .then((client: Endable) => client.end())
      .catch(() => undefined);
  }
}
