import { parseArgs } from 'node:util';
import { eventProducers, sinceOf, type Service } from '@rookery/contracts';
import { DatabaseUnreachable } from '@rookery/persistence';
import { helpWhenAsked } from '@rookery/devkit/terminal/help';
import { printFailure } from '@rookery/devkit/terminal/progress';
import { UserError } from '@rookery/devkit/terminal/user-error';
import { republishSince } from './republish';
import { databaseUrlOf } from './service-database';

/**
 * `npx rookery events republish --service orders --since 1h`: has the running services' relays publish their events again, with their
 * old ids, for a broker that lost its store. Consumers drop what they have seen.
 *
 * The streams drop an id that they stored within the last two minutes (`duplicate_window`). A stream that was lost or deleted starts
 * without any; one that was purged remembers ids of events that it no longer has. The relays do not take such a repetition for stored: they
 * say so in the log and try on until the stream takes the event.
 */
const usage = `Usage: npx rookery events republish --service <${eventProducers.join('|')}|all> --since <30m|1h|2d|RFC 3339 time>`;

function readArguments(): { readonly services: readonly Service[]; readonly since: Date } {
  helpWhenAsked(usage);
  try {
    const { values } = parseArgs({ options: { service: { type: 'string' }, since: { type: 'string' } } });
    const { service, since } = values;
    if (service === undefined || since === undefined) throw new UserError('--service and --since are required.');
    const services = eventProducers.filter((producer) => service === 'all' || service === producer);
    if (services.length === 0) throw new UserError(`--service ${JSON.stringify(service)} publishes no events.`);
    return { services, since: sinceOf(since, new Date()) };
  } catch (error) {
    throw new UserError(error instanceof Error ? error.message : String(error), usage);
  }
}

try {
  const { services, since } = readArguments();
  // Known before anything is changed: all of them or none.
  services.forEach((service) => databaseUrlOf(service));
  for (const service of services) {
    const count = await republishSince(databaseUrlOf(service), since).catch((error: unknown) => {
      throw error instanceof DatabaseUnreachable ? new UserError(`${service}: ${error.message}`) : error;
    });
    process.stdout.write(`${service}: ${count} events since ${since.toISOString()} will be published again\n`);
  }
  process.stdout.write(
    'What a stream does not take yet is in outbox_unpublished_events; the log of the service says why.\n',
  );
} catch (error) {
  printFailure(error);
  process.exitCode = 1;
}
