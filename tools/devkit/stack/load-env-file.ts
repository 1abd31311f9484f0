import { readEnvFile } from './env-file';
import { printFailure } from '../terminal/progress';
import { repository } from './repository';

// Loaded before every program (tools/bootstrap.mjs): what the environment sets wins over `.env`. Help is given in any case.
const helpOnly = process.argv.some((argument) => argument === '--help' || argument === '-h');
try {
  const values = helpOnly ? {} : readEnvFile(repository);
  for (const [name, value] of Object.entries(values)) process.env[name] ??= value;
} catch (error) {
  printFailure(error);
  process.exit(1);
}
