import { eventually, type TestDatabase } from '@rookery/testing';
import { Client } from 'pg';
import { walletDatabase } from '../test/wallet-service';
import { LockKeys, RelaySession } from './relay-session';

const leaseMs = 400;

describe('the lease of the leading relay', () => {
  let database: TestDatabase;
  const sessions: RelaySession[] = [];

  const session = async (): Promise<RelaySession> => {
    const opened = await RelaySession.connect(database.url, leaseMs);
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

  it('ends when the leader gives no sign of life, and its session can do nothing more', async () => {
    // As the relay of a stopped process: the kernel keeps its connection, nothing comes over it.
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

  it('is kept by a leader with nothing to do', async () => {
    const [leader, waiting] = [await session(), await session()];
    expect(await leader.tryToLead()).toBe(true);
    const since = performance.now();

    await eventually(
      async () => {
        expect(await waiting.tryToLead()).toBe(false);
        expect(performance.now() - since).toBeGreaterThan(3 * leaseMs);
      },
      { timeoutMs: 10_000 },
    );

    expect(leader.leading).toBe(true);
  });
});
