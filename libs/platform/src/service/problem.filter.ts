import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import { HttpProblemFilter } from '../http/http-problem.filter';
import type { KnownRoutes } from '../http/known-routes';
import { RpcProblemFilter } from '../rpc/rpc-problem.filter';

/** The one global filter: Nest uses only the last of several catch-all filters. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly http: HttpProblemFilter;
  private readonly rpc = new RpcProblemFilter();

  constructor(routes: KnownRoutes) {
    this.http = new HttpProblemFilter(routes);
  }

  catch(error: unknown, host: ArgumentsHost): unknown {
    if (host.getType() !== 'http') {
      return this.rpc.catch(error);
    }
    this.http.catch(error, host);
    return undefined;
  }
}
