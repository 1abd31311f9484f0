/**
 * A response that does not come from the route: a guard throws it, and the problem filter sends it. Not a failure: throwing skips the rest
 * of the route, so that no `@Sse`, `@Header` or `@HttpCode` changes the response.
 */
export class HandledElsewhere extends Error {
  /** `send` writes the response to the reply; it must not throw. */
  constructor(readonly send: () => void) {
    super('handled elsewhere');
  }
}
