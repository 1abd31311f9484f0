import { UserError, WRONG_USAGE } from '@rookery/devkit/terminal/user-error';
import { brokers } from './brokers';
import { crashes } from './crashes';
import { databases } from './databases';
import { disks } from './disks';
import { exactMoments } from './exact-moments';
import type { Fault } from './fault';
import { messages } from './messages';
import { network } from './network';

/** Every fault that a run can inject (`npm run chaos -- --list`). */
export const faults: readonly Fault[] = [
  ...crashes,
  ...exactMoments,
  ...brokers,
  ...databases,
  ...network,
  ...messages,
  ...disks,
];

/**
 * The faults of these names.
 * @throws {UserError} when there is no fault of a name
 */
export function faultsNamed(names: readonly string[]): readonly [Fault, ...Fault[]] {
  const [first, ...others] = names.map((name) => {
    const fault = faults.find((one) => one.name === name);
    if (fault === undefined) {
      throw new UserError(`There is no fault ${name}.`, 'npm run chaos -- --list', WRONG_USAGE);
    }
    return fault;
  });
  if (first === undefined) {
    throw new UserError('--faults names no fault.', 'npm run chaos -- --list', WRONG_USAGE);
  }
  return [first, ...others];
}
