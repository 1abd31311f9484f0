import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '../stack/repository';
import { UserError } from '../terminal/user-error';

/** Rotates the key that signs access tokens: it is in auth's database, so that no process has to be replaced. Answers the exit code. */
export async function rotateSigningKey(dataFolder: string): Promise<number> {
  const settings = join(dataFolder, 'env/auth.env');
  const program = join(repository, 'dist/apps/auth/jobs/rotate-keys.js');
  const missing = [settings, program].filter((file) => !existsSync(file));
  if (missing.length > 0) {
    throw new UserError(`${missing.join(' and ')} not found.`, 'Start the system once with `npm start`.');
  }
  const child = spawn(process.execPath, [`--env-file=${settings}`, program], { cwd: repository, stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
