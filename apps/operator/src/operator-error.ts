/** Exit code of a command that was called wrongly. */
export const WRONG_USAGE = 2;

/** A failure that the operator can act on: printed as its message, without a stack. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';

  constructor(
    message: string,
    /** @default 1 */
    readonly exitCode = 1,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
