import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { UserError } from '../terminal/user-error';

/** The variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Whether the file is there and may be run. */
export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The program that a variable names; undefined when it names none. Throws a UserError when that cannot be run. */
export function programNamedBy(variable: string, env: Environment): string | undefined {
  const given = env[variable] ?? '';
  if (given === '') {
    return undefined;
  }
  if (isExecutable(given)) {
    return given;
  }
  throw new UserError(`${variable}=${given} is not a program that can be run.`, 'Correct it, or unset it.');
}

/** The first program of that name in the PATH. */
export const programInPath = (name: string, env: Environment): string | undefined =>
  (env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find(isExecutable);
