/**
 * An answer that is not the route's: a guard throws it, the filter that sends problems sends it. No failure: nothing else of the route runs,
 * so that no `@Sse`, `@Header` or `@HttpCode` writes into it.
 */
export class OtherAnswer extends Error {
  /** `send` hands the answer to the reply; it must not throw. */
  constructor(readonly send: () => void) {
    super('answered by somebody else');
  }
}
