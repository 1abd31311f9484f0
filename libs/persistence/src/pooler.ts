import { Client } from 'pg';
import { connectionOptions } from './data-source-options';

/**
 * The database's address points to a pooler that gives each transaction another session. Time limits and locks of a session would silently
 * have no effect.
 */
export class TransactionPooling extends Error {
  override readonly name = 'TransactionPooling';
  readonly code = 'TRANSACTION_POOLING';

  constructor() {
    super('a pooler between this process and its database pools transactions instead of sessions');
  }
}

/** A busy pooler may hand out another of its sessions once, but not repeatedly. */
const TRIES = 5;

/**
 * Rejects a pooler in transaction or statement mode; one in session mode is equivalent to the server. There, a connection keeps its session
 * as long as it lives. When a second connection gets the session of the first, still open one, the two share it.
 * @throws {TransactionPooling}
 */
export async function rejectTransactionPooling(url: string): Promise<void> {
  const first = new Client({ ...connectionOptions, connectionString: url });
  const second = new Client({ ...connectionOptions, connectionString: url });
  // The next statement reports a connection that is lost here.
  for (const client of [first, second]) {
    client.on('error', () => undefined);
  }
  try {
    await first.connect();
    const own = await sessionOf(first);
    if (own === processIdOf(first)) {
      return;
    }
    await second.connect();
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      // A pooler that rotates its sessions gives the first connection another one at the next statement.
      const now = await sessionOf(first);
      if (now !== own || now === (await sessionOf(second))) {
        throw new TransactionPooling();
      }
    }
  } finally {
    await Promise.all([first, second].map((client) => client.end().catch(() => undefined)));
  }
}

/** Name and server of the database at an address, the same for every route to it. */
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

/** The session's process id as reported at connection. A pooler invents one. */
const processIdOf = (client: Client): unknown => ('processID' in client ? client.processID : undefined);
