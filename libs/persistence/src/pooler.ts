import { Client } from 'pg';
import { connectionOptions } from './data-source-options';

/**
 * The database's address leads to a pooler that gives each transaction another session. Time limits set in a session and locks held by one
 * would not hold there, silently.
 */
export class TransactionPooling extends Error {
  override readonly name = 'TransactionPooling';
  readonly code = 'TRANSACTION_POOLING';

  constructor() {
    super('a pooler between this process and its database pools transactions instead of sessions');
  }
}

/** A busy pooler may hand out another of its sessions once; it does not do so time and again. */
const TRIES = 5;

/**
 * Refuses a pooler in transaction or statement mode; one in session mode is as good as the server. A connection keeps its session for as long
 * as it lives: when a second connection is given the session of the first, which still lives, they share it.
 * @throws TransactionPooling
 */
export async function refuseTransactionPooling(url: string): Promise<void> {
  const first = new Client({ ...connectionOptions, connectionString: url });
  const second = new Client({ ...connectionOptions, connectionString: url });
  // A connection that is lost here is one that the next statement tells of.
  for (const client of [first, second]) client.on('error', () => undefined);
  try {
    await first.connect();
    const own = await sessionOf(first);
    if (own === processIdOf(first)) return;
    await second.connect();
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      // One that hands out its sessions in turn gives the first connection another one at the next statement.
      const now = await sessionOf(first);
      if (now !== own || now === (await sessionOf(second))) throw new TransactionPooling();
    }
  } finally {
    await Promise.all([first, second].map((client) => client.end().catch(() => undefined)));
  }
}

/** Name and server of the database at an address: the same by every way that leads there. */
export async function identityOf(url: string): Promise<string> {
  const client = new Client({ ...connectionOptions, connectionString: url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ identity: string }>(
      "SELECT concat_ws(' ', current_database(), pg_postmaster_start_time()) AS identity",
    );
    return rows[0]?.identity ?? '';
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function sessionOf(client: Client): Promise<number | undefined> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return rows[0]?.pid;
}

/** What whoever answered called the session: a pooler makes up a number of its own. */
const processIdOf = (client: Client): unknown => ('processID' in client ? client.processID : undefined);
