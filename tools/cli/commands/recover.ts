import { parseArgs } from 'node:util';
import type { Service } from '@rookery/contracts';
import { SERVICES } from '@rookery/devkit/stack/app-process';
import { helpWhenAsked } from '@rookery/devkit/terminal/help';
import { printFailure } from '@rookery/devkit/terminal/progress';
import { StackError } from '@rookery/devkit/terminal/stack-error';
import { recover } from '../local-jobs';

/** `npm run recover -- --service orders`: runs the recovery job of a service's image on the local stack (docs/restore.md). */
const usage = `Usage: npm run recover -- --service <${SERVICES.join('|')}> [--grace 600]
After the database of the service was restored, and before the service starts. DATABASE_URL_<SERVICE>, NATS_URL and NATS_NKEY_SEED (the broker's admin)
name other servers than those of npm start. --grace: seconds that Pending orders get from now.`;

function readArguments(): { readonly service: Service; readonly grace: string } {
  const { service, grace } = parsed();
  const known = SERVICES.find((one) => one === service);
  if (known === undefined) throw new StackError(`--service ${JSON.stringify(service ?? '')} is not a service.`, usage);
  return { service: known, grace };
}

function parsed() {
  helpWhenAsked(usage);
  try {
    return parseArgs({ options: { service: { type: 'string' }, grace: { type: 'string', default: '600' } } }).values;
  } catch (error) {
    throw new StackError(error instanceof Error ? error.message : String(error), usage);
  }
}

try {
  const { service, grace } = readArguments();
  process.stdout.write(await recover(service, grace));
} catch (error) {
  printFailure(error);
  process.exitCode = 1;
}
