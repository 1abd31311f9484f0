import { connect, dataSourceOptions, Outbox, UnitOfWork } from '@rookery/persistence';

/**
 * Has the relay of the service with this database publish the events since then again. Returns how many; throws
 * DatabaseUnreachable.
 */
export async function republishSince(databaseUrl: string, since: Date): Promise<number> {
  const options = dataSourceOptions({ url: databaseUrl, poolSize: 1, entities: [], migrations: [] });
  // Without the limits of a request's statements: a day's events may take longer to mark.
  const dataSource = await connect({ ...options, extra: {} });
  try {
    return await new Outbox(new UnitOfWork(dataSource)).republish(since);
  } finally {
    await dataSource.destroy();
  }
}
