import { type Command, InvalidArgumentError, Option } from 'commander';
import { eventProducers, type Service, sinceOf } from '@rookery/contracts';
import { republish } from '../local-jobs';
import { type Run, running } from '../run';

interface Options {
  readonly service: Service | 'all';
  readonly since: string;
}

export function addEventsRepublish(parent: Command): void {
  parent
    .command('republish')
    .addOption(
      new Option('--service <service>', 'whose events').choices([...eventProducers, 'all']).makeOptionMandatory(),
    )
    .requiredOption('--since <time>', '30m, 1h, 2d or an RFC 3339 time', timeOf)
    .addHelpText(
      'after',
      `
Runs the job of the services' images on the local stack. The relays publish the events again with their ids; consumers drop what they have handled.`,
    )
    .action(running(republishEvents));
}

function timeOf(text: string): string {
  try {
    return sinceOf(text, new Date()).toISOString();
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}

async function republishEvents(_run: Run, { service, since }: Options): Promise<undefined> {
  const services = eventProducers.filter((producer) => service === 'all' || service === producer);
  await republish(services, since);
}
