/** Something the user can mend: printed as it is, without a stack. */
export class StackError extends Error {
  constructor(
    message: string,
    readonly mend?: string,
  ) {
    super(mend === undefined ? message : `${message}\n  ${mend}`);
    this.name = 'StackError';
  }
}
