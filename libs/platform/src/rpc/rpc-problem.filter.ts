import { Catch, type RpcExceptionFilter } from '@nestjs/common';
import { type Observable, throwError } from 'rxjs';
import { ContractBroken } from '../contract.pipe';
import { toProblem } from '../errors/to-problem';
import { logger } from '../logging/logger';

/** Turns every error of an RPC or event handler into a Problem; nothing else leaves the process. */
@Catch()
export class RpcProblemFilter implements RpcExceptionFilter {
  catch(error: unknown): Observable<never> {
    const problem = toProblem(error instanceof ContractBroken ? error.asCallRefused() : error);
    if (problem.status === 500) {
      logger.error({ err: error, code: problem.code }, 'unexpected error');
    }
    return throwError(() => problem);
  }
}
