import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { currentContext, ServiceUnavailable } from '@rookery/platform';
import { databaseErrorCode } from './database-errors';
import { limitStatements } from './request-deadlines';
import { SERVICE_NAME } from './service-name';
import { SEARCH_TIMEOUT_MS } from './time-limits';
import { UnitOfWork } from './unit-of-work';

/** SQLSTATE query_canceled: here, a statement timeout. */
const QUERY_CANCELED = '57014';

/** 503: a search was stopped. Under a code of the service, so that a caller's circuit breaker does not count it: other requests are answered. */
export class SearchTookTooLong extends ServiceUnavailable {
  constructor(service: string, options: ErrorOptions) {
    super('The search took too long and was stopped. Try again later, or search for something more specific.', 1, {
      ...options,
      code: `${service}.search-took-too-long`,
    });
  }
}

/** Runs searches and filtered lists, which anybody can send: each statement has a time limit that is far below that of other work. */
@Injectable()
export class Searches {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    @Inject(SERVICE_NAME) private readonly service: string,
  ) {}

  /**
   * Runs reads in a transaction of their own, whose statements take at most 0.5 s each.
   * @throws {SearchTookTooLong} when Postgres has stopped one of them
   */
  async run<T>(reads: (tx: EntityManager) => Promise<T>): Promise<T> {
    try {
      return await this.unitOfWork.run(async (tx) => {
        limitStatements(tx, SEARCH_TIMEOUT_MS);
        return reads(tx);
      });
    } catch (error) {
      // At the deadline of the request the limit is the deadline's.
      if (databaseErrorCode(error) === QUERY_CANCELED && currentContext()?.deadline?.hasPassed !== true) {
        throw new SearchTookTooLong(this.service, { cause: error });
      }
      throw error;
    }
  }
}
