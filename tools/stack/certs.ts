import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { provideCertificates } from './certificates';
import { printFailure } from './progress';
import { readSettings } from './settings';
import { StackError } from './stack-error';

// `npm run certs -- [folder] [--force]`: a local authority with certificates for the servers and their clients; no openssl needed.

const usage = 'Usage: npm run certs -- [folder] [--force]';

function read() {
  try {
    return parseArgs({ allowPositionals: true, options: { force: { type: 'boolean', default: false } } });
  } catch (error) {
    throw new StackError(error instanceof Error ? error.message : String(error), usage);
  }
}

try {
  const { positionals, values } = read();
  const [given, more] = positionals;
  if (more !== undefined) throw new StackError(usage);
  const folder = given === undefined ? join(readSettings().dataFolder, 'certs') : resolve(given);
  const certificates = await provideCertificates(folder, values);
  const width = Math.max(...certificates.map(({ name }) => name.length));
  for (const { name, expires, made } of certificates) {
    const day = expires.toISOString().slice(0, 10);
    process.stdout.write(`${name.padEnd(width)}  ${made ? 'made ' : 'kept '}  until ${day}\n`);
  }
  const use = given === undefined ? ' `ROOKERY_TLS=true npm start` speaks TLS with them.' : '';
  process.stderr.write(`In ${folder}.${use}\n`);
} catch (error) {
  printFailure(error);
  process.exit(1);
}
