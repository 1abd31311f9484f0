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
    if ((await sessionOf(first)) === processIdOf(first)) return;
    await second.connect();
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      if ((await sessionOf(first)) === (await sessionOf(second))) throw new TransactionPooling();
    }
  } finally {
    await Promise.all([first, second].map((client) => client.end().catch(() => undefined)));
  }
}

async function sessionOf(client: Client): Promise<number | undefined> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return rows[0]?.pid;
}

/** What whoever answered called the session: a pooler makes up a number of its own. */
const processIdOf = (client: Client): unknown => ('processID' in client ? client.processID : undefined);
