import { join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { provideCertificates } from '@rookery/devkit/stack/certificates';
import { repository } from '@rookery/devkit/stack/repository';
import { readSettings } from '@rookery/devkit/stack/settings';
import { UserError, WRONG_USAGE } from '@rookery/devkit/terminal/user-error';
import { COMPOSE_CERTIFICATES, renewComposeCertificates } from '@rookery/release/deployment-secrets';
import { type Run, running } from '../run';

const NEXT = {
  start: ' `ROOKERY_TLS=true npm start` speaks TLS with them.',
  compose: ' docker/.env has them; next: docker compose -f docker/compose.yaml up --wait',
} as const;

interface Options {
  readonly for?: 'compose';
  readonly force?: true;
}

export function addCredentialsCerts(parent: Command): void {
  parent
    .command('certs')
    .argument('[folder]', 'where to write them; the data folder of `npm start` by default')
    .addOption(new Option('--for <what>', 'write them for Compose').choices(['compose']))
    .option('--force', 'replace certificates that exist')
    .action(running(certs));
}

async function certs(_run: Run, given: string | undefined, { for: target, force }: Options): Promise<undefined> {
  if (given !== undefined && target !== undefined) {
    throw new UserError('Give a folder or --for compose.', undefined, WRONG_USAGE);
  }
  const folder =
    target === 'compose'
      ? join(repository, COMPOSE_CERTIFICATES)
      : resolve(given ?? join(readSettings().dataFolder, 'certs'));
  const certificates = await provideCertificates(folder, { force: force === true });
  const width = Math.max(...certificates.map(({ name }) => name.length));
  for (const { name, expires, made } of certificates) {
    const day = expires.toISOString().slice(0, 10);
    process.stdout.write(`${name.padEnd(width)}  ${made ? 'made ' : 'kept '}  until ${day}\n`);
  }
  if (target === 'compose') {
    renewComposeCertificates(repository);
  }
  process.stderr.write(`In ${folder}.${given === undefined ? NEXT[target ?? 'start'] : ''}\n`);
}
