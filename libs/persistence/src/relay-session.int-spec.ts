import { Client } from 'pg';
import { eventually, type TestDatabase } from '@rookery/testing';
import { walletDatabase } from '../test/wallet-service';
import { LockKeys, RelaySession } from './relay-session';

const LEASE_MS = 400;

describe('the lease of the leading relay', () => {
  let database: TestDatabase;
  const sessions: RelaySession[] = [];

  const session = async (url = database.url, lease = LEASE_MS): Promise<RelaySession> => {
    const opened = await RelaySession.connect(url, lease);
    sessions.push(opened);
    return opened;
  };

  beforeEach(async () => {
    database = await walletDatabase();
  });

  afterEach(async () => {
    await Promise.all(sessions.splice(0).map((opened) => opened.close()));
    await database.drop();
  });

  it('ends when the leader executes no statement, and its session can do nothing more', async () => {
    // Like the relay of a stopped process: the kernel keeps its silent connection.
    const stalled = new Client({ connectionString: database.url });
    const ended = new Promise((resolve) => stalled.once('end', resolve));
    stalled.on('error', () => undefined);
    await stalled.connect();
    await stalled.query('SELECT pg_advisory_lock($1, $2)', [LockKeys.namespace, LockKeys.relay]);
    const waiting = await session();

    expect(await waiting.tryToLead()).toBe(false);
    await eventually(async () => expect(await waiting.tryToLead()).toBe(true));

    await ended;
    await expect(stalled.query('SELECT 1')).rejects.toThrow();
  });

  it('also ends when both use a role that becomes the owner of the database when it connects', async () => {
    const owner = new URL(database.url).username;
    const second = `${owner}_second`;
    await database.query(`CREATE ROLE ${second} IN ROLE ${owner} LOGIN PASSWORD 'second'`);
    await database.query(`ALTER ROLE ${second} SET role = '${owner}'`);
    const url = new URL(database.url);
    [url.username, url.password] = [second, 'second'];
    // Its next statement is far away.
    const stalled = await session(url.href, 3_600_000);
    const waiting = await session(url.href);
    expect(await stalled.tryToLead()).toBe(true);

    expect(await waiting.tryToLead()).toBe(false);
    await eventually(async () => expect(await waiting.tryToLead()).toBe(true));

    await eventually(() => expect(stalled.alive).toBe(false));
    await waiting.close();
    await database.query(`DROP ROLE ${second}`);
  });

  it('is kept by an idle leader', async () => {
    const [leader, waiting] = [await session(), await session()];
    expect(await leader.tryToLead()).toBe(true);
    const since = performance.now();

    await eventually(
      async () => {
        expect(await waiting.tryToLead()).toBe(false);
        expect(performance.now() - since).toBeGreaterThan(3 * LEASE_MS);
      },
      { timeoutMs: 10_000 },
    );

    expect(leader.leading).toBe(true);
  });
});
