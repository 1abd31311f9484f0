import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { ServiceUnavailable } from '@rookery/platform';
import { catchError, type Observable, throwError } from 'rxjs';
import { isDatabaseUnavailable } from './database-errors';

/** Turns "the database cannot work now" into 503 with Retry-After, for every handler of the process. */
@Injectable()
export class DatabaseErrorInterceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next
      .handle()
      .pipe(
        catchError((error: unknown) =>
          throwError(() => (isDatabaseUnavailable(error) ? new ServiceUnavailable() : error)),
        ),
      );
  }
}
