import type { Command } from 'commander';
import { requestRotation } from '@rookery/devkit/rotation/control';
import { readRotationRequest, ROTATABLE } from '@rookery/devkit/rotation/request';
import { rotateSigningKey } from '@rookery/devkit/rotation/signing-key';
import { readSettings } from '@rookery/devkit/stack/settings';
import { type Run, running } from '../run';

export function addCredentialsRotate(parent: Command): void {
  parent
    .command('rotate')
    .argument('<what>', 'nats-key, database-password, cookie-key, internal-key or signing-key')
    .argument('[services...]', 'whose; everybody who has one by default')
    .addHelpText('after', `\n${ROTATABLE}`)
    .action(running(rotate));
}

/** New credentials for the stack that runs on this data folder, without an interruption. */
async function rotate(_run: Run, what: string, services: readonly string[]): Promise<number | undefined> {
  const { dataFolder } = readSettings();
  if (what === 'signing-key') {
    return rotateSigningKey(dataFolder);
  }
  const request = readRotationRequest([what, ...services]);
  await requestRotation(dataFolder, request, (line) => void process.stdout.write(`${line}\n`));
  return undefined;
}
