import { type AfterQueryEvent, type EntitySubscriberInterface, EventSubscriber, type QueryRunner } from 'typeorm';

const FAILED = 'statementFailed';

/** Marks a query runner on which a statement failed: the transaction is aborted even if the work caught the error. */
@EventSubscriber()
export class FailedStatements implements EntitySubscriberInterface {
  afterQuery({ success, queryRunner }: AfterQueryEvent): void {
    if (!success) {
      queryRunner.data[FAILED] = true;
    }
  }

  /** Whether any statement has failed on it, including one that was undone by a savepoint. */
  static on(runner: QueryRunner | undefined): boolean {
    return runner?.data[FAILED] === true;
  }
}
