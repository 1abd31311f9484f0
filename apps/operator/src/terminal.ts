interface Writable {
  write(text: string): unknown;
}

/** Where a command prints: `process` is one. */
export interface Terminal {
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Set by a command that succeeded and found a difference. */
  exitCode?: NodeJS.Process['exitCode'];
}

/** Prints an answer. */
export const print = (terminal: Terminal, line: string): void => void terminal.stdout.write(`${line}\n`);

/** Prints what is not part of the answer: progress and failures. */
export const report = (terminal: Terminal, line: string): void => void terminal.stderr.write(`${line}\n`);

/** Prints an answer as JSON. */
export const printJson = (terminal: Terminal, answer: unknown): void =>
  print(terminal, JSON.stringify(answer, undefined, 2));
