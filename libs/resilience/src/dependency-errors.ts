import { DomainError, OVERLOADED, RemoteProblem, ServiceUnavailable } from '@rookery/platform';

/** 503: nobody was there to take the call. Nothing happened, so it may be repeated. */
export class NotTaken extends ServiceUnavailable {
  constructor(dependency: string, options?: ErrorOptions) {
    super(undefined, 1, { ...options, dependency });
  }
}

/** 503: the dependency refused this process, not whoever asked it. Nothing happened, so it may be repeated: another replica may see it otherwise. */
export class RefusedCall extends ServiceUnavailable {
  constructor(dependency: string, options?: ErrorOptions) {
    const detail = 'Two services of the system are temporarily incompatible.';
    super(detail, 1, { ...options, code: 'dependency.refused-call', dependency });
  }
}

/** 503: the dependency failed a moment ago; it is not asked again before `retryAfterSeconds`. */
export class CircuitOpen extends ServiceUnavailable {
  constructor(dependency: string, retryAfterSeconds: number) {
    const detail = 'A service that this request needs has failed repeatedly and is being given time to recover.';
    super(detail, retryAfterSeconds, { code: 'dependency.circuit-open', dependency });
  }
}

/** 503: as many calls wait for the dependency as may. */
export class TooManyCalls extends ServiceUnavailable {
  constructor(dependency: string) {
    const detail = 'Too many requests are waiting for a service that this request needs.';
    super(detail, 1, { code: 'dependency.too-many-calls', dependency });
  }
}

/**
 * Whether an error says that the dependency itself is in trouble. It is not when the dependency refuses (4xx), when it refuses because it has
 * enough in hand (it works as fast as it can), or when a dependency of its own has failed: that would close all of it for a part.
 */
export function isFaultOf(dependency: string, error: unknown): boolean {
  if (!(error instanceof DomainError)) return true;
  if (error.status < 500) return false;
  return !(error instanceof RemoteProblem) || (error.dependency === dependency && error.code !== OVERLOADED);
}
