import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { COMPOSE_CERTIFICATES, renewComposeCertificates } from '@rookery/release/deployment-secrets';
import { provideCertificates } from '@rookery/devkit/stack/certificates';
import { helpWhenAsked } from '@rookery/devkit/terminal/help';
import { printFailure } from '@rookery/devkit/terminal/progress';
import { repository } from '@rookery/devkit/stack/repository';
import { readSettings } from '@rookery/devkit/stack/settings';
import { StackError } from '@rookery/devkit/terminal/stack-error';

// `npm run certs -- [folder] [--force]`: a local authority with certificates for the servers and their clients; no openssl needed.

const usage = `Usage: npm run certs -- [folder] [--force]
       npm run certs -- --for compose [--force]`;

const NEXT = {
  start: ' `ROOKERY_TLS=true npm start` speaks TLS with them.',
  compose: ' docker/.env has them; next: docker compose -f docker/compose.yaml up --wait',
} as const;

function read() {
  helpWhenAsked(usage);
  try {
    return parseArgs({
      allowPositionals: true,
      options: { force: { type: 'boolean', default: false }, for: { type: 'string' } },
    });
  } catch (error) {
    throw new StackError(error instanceof Error ? error.message : String(error), usage);
  }
}

try {
  const { positionals, values } = read();
  const [given, more] = positionals;
  const forCompose = values.for === 'compose';
  if (more !== undefined || (values.for !== undefined && (!forCompose || given !== undefined)))
    throw new StackError(usage);
  const folder = forCompose
    ? join(repository, COMPOSE_CERTIFICATES)
    : resolve(given ?? join(readSettings().dataFolder, 'certs'));
  const certificates = await provideCertificates(folder, values);
  const width = Math.max(...certificates.map(({ name }) => name.length));
  for (const { name, expires, made } of certificates) {
    const day = expires.toISOString().slice(0, 10);
    process.stdout.write(`${name.padEnd(width)}  ${made ? 'made ' : 'kept '}  until ${day}\n`);
  }
  if (forCompose) renewComposeCertificates(repository);
  process.stderr.write(`In ${folder}.${given === undefined ? NEXT[forCompose ? 'compose' : 'start'] : ''}\n`);
} catch (error) {
  printFailure(error);
  process.exit(1);
}
