/** Exit code of a program that was called with arguments that it does not know. */
export const WRONG_USAGE = 2;

/** A failure that the user can fix. It is printed without a stack trace. */
export class UserError extends Error {
  constructor(
    message: string,
    /** What to do about it. */
    readonly fix?: string,
    /** Exit code of the program. */
    readonly exitCode = 1,
  ) {
    super(fix === undefined ? message : `${message}\n  ${fix}`);
    this.name = 'UserError';
  }
}
