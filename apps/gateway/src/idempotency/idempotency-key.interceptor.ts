import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Observable, tap } from 'rxjs';
import type { Service } from '@rookery/contracts';
import { idempotencyKeyOf, type RequestContext, requireContext, runInContext } from '@rookery/platform';

/**
 * Requires the Idempotency-Key of a request, passes it on to the service that stores it, and marks a replayed response. `@Exposes`
 * adds it to each route with a keyed contract.
 */
export class IdempotencyKeyInterceptor implements NestInterceptor {
  constructor(private readonly service: Service) {}

  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = execution.switchToHttp();
    const header = http.getRequest<FastifyRequest>().headers['idempotency-key'];
    const idempotencyKey = idempotencyKeyOf(Array.isArray(header) ? header.join(', ') : header, this.service);
    const context: RequestContext = { ...requireContext(), idempotencyKey };
    return runInContext(context, () => next.handle()).pipe(
      tap(() => {
        if (context.replayed === true) {
          http.getResponse<FastifyReply>().header('idempotent-replayed', 'true');
        }
      }),
    );
  }
}
