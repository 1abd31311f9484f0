import { DomainError, OVERLOADED, RemoteProblem, ServiceUnavailable } from '@rookery/platform';

/** 503: no instance of the dependency received the call. It had no effect, so it may be repeated. */
export class NoResponder extends ServiceUnavailable {
  constructor(dependency: string, options?: ErrorOptions) {
    super(undefined, 1, { ...options, dependency });
  }
}

/**
 * 503: the dependency rejected this process, not the user behind the request. The call had no effect, so it may be repeated: another
 * replica may accept it.
 */
export class RefusedCall extends ServiceUnavailable {
  constructor(dependency: string, options?: ErrorOptions) {
    const detail = 'Two services of the system are temporarily incompatible.';
    super(detail, 1, { ...options, code: 'dependency.refused-call', dependency });
  }
}

/** 503: the dependency failed recently and is not called again before `retryAfterSeconds`. */
export class CircuitOpen extends ServiceUnavailable {
  constructor(dependency: string, retryAfterSeconds: number) {
    const detail = 'A service that this request needs has failed repeatedly and is being given time to recover.';
    super(detail, retryAfterSeconds, { code: 'dependency.circuit-open', dependency });
  }
}

/** 503: the bulkhead of the dependency is full. */
export class TooManyCalls extends ServiceUnavailable {
  constructor(dependency: string) {
    const detail = 'Too many requests are waiting for a service that this request needs.';
    super(detail, 1, { code: 'dependency.too-many-calls', dependency });
  }
}

/**
 * Whether an error means that the dependency itself is failing. It is not when the dependency rejects the request (4xx), when it is
 * overloaded (it works as fast as it can), when it refuses new work under a code of its own, as orders' admission control does
 * (`orders.saga-lag`: its reads must stay available), or when a dependency of its own has failed: one failing part would block all of it.
 */
export function isFaultOf(dependency: string, error: unknown): boolean {
  if (!(error instanceof DomainError)) {
    return true;
  }
  if (error.status < 500) {
    return false;
  }
  if (!(error instanceof RemoteProblem)) {
    return true;
  }
  const refuses = error.code === OVERLOADED || error.code.startsWith(`${dependency}.`);
  return error.dependency === dependency && !refuses;
}
