import { Argument, type Command } from 'commander';
import { requestRotation } from '@rookery/devkit/rotation/control';
import {
  ownersOf,
  type Rotatable,
  ROTATABLE,
  ROTATABLE_NAMES,
  RotationRequest,
} from '@rookery/devkit/rotation/request';
import { rotateSigningKey } from '@rookery/devkit/rotation/signing-key';
import { readSettings } from '@rookery/devkit/stack/settings';
import { type Run, running } from '../run';

export function addCredentialsRotate(parent: Command): void {
  parent
    .command('rotate')
    .addArgument(new Argument('<what>', 'which credential').choices(ROTATABLE_NAMES))
    .argument('[services...]', 'of which services; of all that have one by default')
    .addHelpText('after', `\n${ROTATABLE}`)
    .action(running(rotate));
}

/** New credentials for the stack that runs on this data folder, without an interruption. */
async function rotate(_run: Run, what: Rotatable, services: readonly string[]): Promise<number | undefined> {
  const { dataFolder } = readSettings();
  const whose = ownersOf(what, services);
  if (what === 'signing-key') {
    return rotateSigningKey(dataFolder);
  }
  const request = RotationRequest.parse({ what, whose });
  await requestRotation(dataFolder, request, (line) => void process.stdout.write(`${line}\n`));
  return undefined;
}
