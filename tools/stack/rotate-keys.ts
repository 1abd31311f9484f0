import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { printFailure } from './progress';
import { repository } from './repository';
import { readSettings } from './settings';
import { StackError } from './stack-error';

/** `npm run keys:rotate`: rotates the signing key of the stack on this data folder, without an interruption. */
try {
  const settings = join(readSettings().dataFolder, 'env/auth.env');
  const program = join(repository, 'dist/apps/auth/rotate-keys.js');
  const missing = [settings, program].filter((file) => !existsSync(file));
  if (missing.length > 0) {
    throw new StackError(`${missing.join(' and ')} not found.`, 'Start the system once with `npm start`.');
  }
  const child = spawn(process.execPath, [`--env-file=${settings}`, program], { cwd: repository, stdio: 'inherit' });
  child.on('exit', (code) => {
    process.exitCode = code ?? 1;
  });
} catch (error) {
  printFailure(error);
  process.exit(1);
}
