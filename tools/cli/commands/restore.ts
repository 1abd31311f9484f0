import { Argument, type Command } from 'commander';
import { type Service, Services } from '@rookery/contracts';
import { recover } from '../local-jobs';
import { wholeNumber } from '../options';
import { type Run, running } from '../run';

const MAX_GRACE_SECONDS = 999_999;

export function addRestore(parent: Command): void {
  parent
    .command('restore')
    .addArgument(new Argument('<service>', 'whose database was restored').choices(Services))
    .option('--grace <seconds>', 'time that Pending orders get from now', wholeNumber(1, MAX_GRACE_SECONDS), 600)
    .addHelpText(
      'after',
      `
Runs the recovery job of a service's image on the local stack (docs/restore.md): after its database was restored, and before it starts.
DATABASE_URL_<SERVICE>, and NATS_URL with NATS_NKEY_SEED_ADMIN, name other servers than those of \`npm start\`.`,
    )
    .action(running(restore));
}

async function restore(_run: Run, service: Service, { grace }: { readonly grace: number }): Promise<undefined> {
  process.stdout.write(await recover(service, grace));
}
