import { UserError, WRONG_USAGE } from '@rookery/devkit/terminal/user-error';
import { eject, type Outcome } from './eject';
import { type Files, isEjected, type Part } from './part';
import { parts } from './parts';
import { readCheckout } from './workspace';

/** A change of a checkout that is made in memory and not yet on the disk. */
export interface Planned {
  readonly before: Files;
  readonly outcome: Outcome;
}

/**
 * The checkout without the named parts.
 * @throws {UserError} when there is no such part, it is gone already, or git could not take the change back
 */
export function planEject(root: string, names: readonly string[], { force }: { readonly force: boolean }): Planned {
  const chosen = [...new Set(names)].map(partNamed);
  const before = readCheckout(root, { force });
  for (const part of chosen) {
    refuseGone(part, before);
  }
  return { before, outcome: eject(before, chosen, parts) };
}

function partNamed(name: string): Part {
  const part = parts.find((one) => one.name === name);
  if (part === undefined) {
    const known = parts.map((one) => one.name).join(', ');
    throw new UserError(`There is no part "${name}".`, `The parts are ${known}.`, WRONG_USAGE);
  }
  return part;
}

function refuseGone(part: Part, files: Files): void {
  if (isEjected(part, files)) {
    throw new UserError(`${part.name} is gone already.`, 'Leave it out.');
  }
}
