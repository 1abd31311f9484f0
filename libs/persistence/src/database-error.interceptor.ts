import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { catchError, type Observable, throwError } from 'rxjs';
import { currentContext, DeadlineExceeded, ServiceUnavailable } from '@rookery/platform';
import { isDatabaseUnavailable } from './database-errors';

/** Turns an unavailable database into 503 with Retry-After, or into 504 past the deadline, for every handler of the process. */
@Injectable()
export class DatabaseErrorInterceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next
      .handle()
      .pipe(
        catchError((error: unknown) => throwError(() => (isDatabaseUnavailable(error) ? unavailable(error) : error))),
      );
  }
}

/** At the deadline Postgres cancels statements and the pool gives up; the database itself is fine. */
const unavailable = (cause: unknown): Error =>
  currentContext()?.deadline?.hasPassed === true
    ? new DeadlineExceeded(undefined, { cause })
    : new ServiceUnavailable(undefined, undefined, { cause });
