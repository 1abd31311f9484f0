import { helpWhenAsked } from '../stack/help';
import { printFailure } from '../stack/progress';
import { readSettings } from '../stack/settings';
import { requestRotation } from './control';
import { readRotationRequest, ROTATION_USAGE } from './request';
import { rotateSigningKey } from './signing-key';

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
