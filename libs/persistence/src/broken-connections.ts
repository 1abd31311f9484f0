import type { ClientBase } from 'pg';
import { type AfterQueryEvent, type EntitySubscriberInterface, EventSubscriber } from 'typeorm';
import { isReadOnly, reasonOf } from './database-errors';
import { renewConnections } from './renewable-pool';

/** Error message of node-postgres when `query_timeout` has passed. */
const NO_ANSWER = 'Query read timeout';
/** A statement that this connection prepared has become unusable: a migration changed a type, or the server forgot it. */
const UNUSABLE_STATEMENT = /cached plan must not change result type|prepared statement .* does not exist/;

interface Endable extends ClientBase {
  end(): Promise<void>;
}

/**
 * Ends unusable connections, of three kinds. After a query timeout, node-postgres returns the connection to the pool, where it would fail
 * request after request until the kernel gives it up: a quarter of an hour. A read-only connection leads to a demoted server, like all
 * others of its pool. A prepared statement that became unusable would fail on its connection each time.
 */
@EventSubscriber()
export class BrokenConnections implements EntitySubscriberInterface {
  afterQuery({ success, error, queryRunner }: AfterQueryEvent): void {
    if (success) {
      return;
    }
    const readOnly = isReadOnly(error);
    const reason = reasonOf(error);
    if (!readOnly && reason !== NO_ANSWER && !UNUSABLE_STATEMENT.test(reason)) {
      return;
    }
    if (readOnly) {
      renewConnections(queryRunner.dataSource);
    }
    void queryRunner
      .connect()
      .then((client: Endable) => client.end())
      .catch(() => undefined);
  }
}
