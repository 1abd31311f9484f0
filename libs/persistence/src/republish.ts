import { z } from 'zod';
import { sinceOf } from '@rookery/contracts';
import { databaseConfig } from '@rookery/platform';
import { connect } from './connect';
import { dataSourceOptions } from './data-source-options';
import { reasonOf } from './database-errors';
import { Outbox } from './outbox';
import { UnitOfWork } from './unit-of-work';

/** Settings of the job that republishes a service's events. */
export const republishConfig = z.object({
  DATABASE_URL: databaseConfig.DATABASE_URL,
  REPUBLISH_SINCE: z
    .string()
    .default('1d')
    .describe('Events since then: 30m, 1h, 2d or an RFC 3339 time; the outbox keeps published ones for a day'),
});

/** Result of a republication. */
interface Republished {
  readonly count: number;
  readonly since: Date;
}

/**
 * Makes the relay of the service with this database republish its events since a time (see `sinceOf`), with the same ids.
 * @throws {DatabaseUnreachable} when the database does not answer
 * @throws {RangeError} when the time is malformed, or in the future
 */
async function republishSince(databaseUrl: string, time: string): Promise<Republished> {
  const options = dataSourceOptions({ url: databaseUrl, poolSize: 1, entities: [], migrations: [] });
  // Without the time limits of requests: marking a day's events may take longer.
  const dataSource = await connect({ ...options, extra: {} });
  try {
    const unitOfWork = new UnitOfWork(dataSource);
    const since = sinceOf(time, await unitOfWork.now());
    return { since, count: await new Outbox(unitOfWork).republish(since) };
  } finally {
    await dataSource.destroy();
  }
}

/**
 * Program that republishes a service's events for a broker that lost its store. Consumers drop the events that they have processed. A failure is
 * one line on stderr and exit code 1.
 *
 * A stream drops an id that it stored within the last two minutes (`duplicate_window`). A stream that was lost or deleted starts without
 * ids. A purged one remembers ids of events that it no longer has: the relay does not accept such an answer, logs it and retries
 * until the stream accepts the event.
 */
export async function republish(service: string, config: z.output<typeof republishConfig>): Promise<void> {
  try {
    const { count, since } = await republishSince(config.DATABASE_URL, config.REPUBLISH_SINCE);
    process.stdout.write(
      `${service}: ${count} events since ${since.toISOString()} will be published again\n` +
        'The metric outbox_unpublished_events counts what a stream has not accepted yet; the log of the service says why.\n',
    );
  } catch (error) {
    process.stderr.write(`the events of ${service} are not published again: ${reasonOf(error)}\n`);
    process.exitCode = 1;
  }
}
