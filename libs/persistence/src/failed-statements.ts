import { type AfterQueryEvent, type EntitySubscriberInterface, EventSubscriber, type QueryRunner } from 'typeorm';

const FAILED = 'statementFailed';

/** Remembers on a query runner that a statement failed: a transaction whose work caught the error is aborted all the same. */
@EventSubscriber()
export class FailedStatements implements EntitySubscriberInterface {
  afterQuery({ success, queryRunner }: AfterQueryEvent): void {
    if (!success) queryRunner.data[FAILED] = true;
  }

  /** Whether any statement failed on it so far, also one that a savepoint made good again. */
  static on(runner: QueryRunner | undefined): boolean {
    return runner?.data[FAILED] === true;
  }
}
