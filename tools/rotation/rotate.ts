import { printFailure } from '../stack/progress';
import { readSettings } from '../stack/settings';
import { requestRotation } from './control';
import { readRotationRequest } from './request';
import { rotateSigningKey } from './signing-key';

// `npm run rotate -- <what> [service …]`: new credentials for the stack that runs on this data folder, without an interruption.
try {
  const args = process.argv.slice(2);
  const { dataFolder } = readSettings();
  if (args[0] === 'signing-key') process.exitCode = await rotateSigningKey(dataFolder);
  else await requestRotation(dataFolder, readRotationRequest(args), (line) => void process.stdout.write(`${line}\n`));
} catch (error) {
  printFailure(error);
  process.exitCode = 1;
}
