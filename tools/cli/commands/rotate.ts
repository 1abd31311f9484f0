import { helpWhenAsked } from '@rookery/devkit/terminal/help';
import { printFailure } from '@rookery/devkit/terminal/progress';
import { readSettings } from '@rookery/devkit/stack/settings';
import { requestRotation } from '@rookery/devkit/rotation/control';
import { readRotationRequest, ROTATION_USAGE } from '@rookery/devkit/rotation/request';
import { rotateSigningKey } from '@rookery/devkit/rotation/signing-key';

// `npm run rotate -- <what> [service …]`: new credentials for the stack that runs on this data folder, without an interruption.
helpWhenAsked(ROTATION_USAGE);
try {
  const args = process.argv.slice(2);
  const { dataFolder } = readSettings();
  if (args[0] === 'signing-key') process.exitCode = await rotateSigningKey(dataFolder);
  else await requestRotation(dataFolder, readRotationRequest(args), (line) => void process.stdout.write(`${line}\n`));
} catch (error) {
  printFailure(error);
  process.exitCode = 1;
}
