import { parseArgs } from 'node:util';
import { eventProducers, sinceOf, type Service } from '@rookery/contracts';
import { helpWhenAsked } from '@rookery/devkit/terminal/help';
import { printFailure } from '@rookery/devkit/terminal/progress';
import { StackError } from '@rookery/devkit/terminal/stack-error';
import { republish } from '../local-jobs';

/** `npm run outbox:republish -- --service orders --since 1h`: runs the job of the services' images on the local stack. */
const usage = `Usage: npm run outbox:republish -- --service <${eventProducers.join('|')}|all> --since <30m|1h|2d|RFC 3339 time>`;

function readArguments(): { readonly services: readonly Service[]; readonly since: string } {
  helpWhenAsked(usage);
  try {
    const { values } = parseArgs({ options: { service: { type: 'string' }, since: { type: 'string' } } });
    const { service, since } = values;
    if (service === undefined || since === undefined) throw new StackError('--service and --since are required.');
    const services = eventProducers.filter((producer) => service === 'all' || service === producer);
    if (services.length === 0) throw new StackError(`--service ${JSON.stringify(service)} publishes no events.`);
    return { services, since: sinceOf(since, new Date()).toISOString() };
  } catch (error) {
    throw new StackError(error instanceof Error ? error.message : String(error), usage);
  }
}

try {
  const { services, since } = readArguments();
  await republish(services, since);
} catch (error) {
  printFailure(error);
  process.exitCode = 1;
}
