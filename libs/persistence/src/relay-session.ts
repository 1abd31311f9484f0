import { Client, type QueryConfig, type QueryResult, type QueryResultRow } from 'pg';
import { connectionOptions, prepareSession } from './data-source-options';
import { SessionReadOnly } from './database-errors';
import { IS_WRITABLE, type Writable } from './is-writable';
import { FORGET_EXPIRED_ANSWERS } from './idempotency-store';

/** Advisory lock keys of this library; locks are per database, thus per service. */
export const LockKeys = { namespace: 0x526f6f6b, relay: 1, migrations: 2 } as const;

/** One row of the outbox, as the broker gets it. */
export interface OutboxMessage {
  /** Event id; the same each time the event is published. */
  readonly id: string;
  readonly name: string;
  readonly version: number;
  readonly source: string;
  /** Subject of the broker. */
  readonly subject: string;
  readonly aggregateId: string;
  readonly sequence: number;
  /** RFC 3339. */
  readonly time: string;
  readonly correlationId: string;
  readonly causationId: string | null;
  readonly traceparent: string | null;
  /** JSON text. */
  readonly data: string;
}

/** A message and where it stands in the outbox. */
export interface PendingMessage {
  readonly position: string;
  readonly message: OutboxMessage;
}

interface OutboxRow extends Omit<OutboxMessage, 'time'> {
  readonly position: string;
  readonly time: Date;
}

/** A leader that gives no sign of life for so long is relieved. */
const LEASE_MS = 10_000;

/**
 * A database session of the relay's own. The lock lives and dies with it: what only the leader may do goes through this
 * session, so that nothing can be done in the name of a lock that is lost.
 *
 * The lock is a lease: the leader's session says something several times within it, and one that does not, because its process is
 * stopped or starved while the kernel keeps its connection, is ended by whoever waits. Time is the database's alone.
 */
export class RelaySession {
  private open = true;
  private leads = false;
  private heartbeat: NodeJS.Timeout | undefined;

  private constructor(
    private readonly client: Client,
    private readonly leaseMs: number,
  ) {
    client.on('error', () => this.abandon());
    client.on('end', () => this.abandon());
  }

  static async connect(url: string, leaseMs = LEASE_MS): Promise<RelaySession> {
    const client = new Client({
      ...connectionOptions,
      connectionString: url,
      application_name: 'outbox-relay',
    });
    const session = new RelaySession(client, leaseMs);
    await client.connect();
    // As who logged in: a role that becomes the owner of the database as it connects could not see and end its own stalled sessions.
    await prepareSession(client, { role: 'none' });
    return session;
  }

  /** False once the connection is lost; a lost session never comes back. */
  get alive(): boolean {
    return this.open;
  }

  /** True while this session is the one that may publish. */
  get leading(): boolean {
    return this.open && this.leads;
  }

  /** Takes the lock if it is free; ends the session that holds it past its lease, so that the next try may take it. */
  async tryToLead(): Promise<boolean> {
    if (this.leading) return true;
    await this.requireWritable();
    const { rows } = await this.run<{ locked: boolean }>({
      text: 'SELECT pg_try_advisory_lock($1, $2) AS locked',
      values: [LockKeys.namespace, LockKeys.relay],
    });
    this.leads = rows[0]?.locked === true;
    if (this.leads) this.keepLease();
    else await this.endStalledLeader();
    return this.leading;
  }

  /**
   * The oldest unpublished messages. Never "after the last id seen": ids become visible in the order of the commits,
   * so that a lower one may still appear.
   */
  async unpublished(limit: number): Promise<readonly PendingMessage[]> {
    const { rows } = await this.run<OutboxRow>({
      name: 'outbox-unpublished',
      text: `SELECT id AS position, event_id AS id, name, version, source, subject, aggregate_id AS "aggregateId", sequence,
                    occurred_at AS time, correlation_id AS "correlationId", causation_id AS "causationId",
                    traceparent, data::text AS data
             FROM outbox WHERE published_at IS NULL ORDER BY outbox.id LIMIT $1`,
      values: [limit],
    });
    return rows.map(({ position, time, ...row }) => ({ position, message: { ...row, time: time.toISOString() } }));
  }

  async markPublished(positions: readonly string[]): Promise<void> {
    await this.run({
      name: 'outbox-published',
      text: 'UPDATE outbox SET published_at = now() WHERE id = ANY($1::bigint[])',
      values: [positions],
    });
  }

  /** Deletes published events, inbox notes and answers past their age, the oldest first; returns whether there may be more. */
  async prune(publishedHours: number, notedHours: number, limit: number): Promise<boolean> {
    const outbox = await this.run({
      text: `DELETE FROM outbox WHERE id IN (SELECT id FROM outbox ORDER BY id LIMIT $2)
               AND published_at < now() - make_interval(hours => $1)`,
      values: [publishedHours, limit],
    });
    const inbox = await this.run({
      text: `DELETE FROM inbox WHERE ctid IN (
               SELECT ctid FROM inbox WHERE processed_at < now() - make_interval(hours => $1) LIMIT $2)`,
      values: [notedHours, limit],
    });
    const answers = await this.run({ text: FORGET_EXPIRED_ANSWERS, values: [limit] });
    return [outbox, inbox, answers].some(({ rowCount }) => (rowCount ?? 0) > 0);
  }

  /** Ends the session and with it the lock. */
  async close(): Promise<void> {
    this.open = false;
    clearInterval(this.heartbeat);
    await this.client.end();
  }

  /** The lock is the server's: on one that was demoted it says nothing of who publishes from the other. */
  private keepLease(): void {
    this.heartbeat = setInterval(() => {
      this.requireWritable().catch(() => undefined);
    }, this.leaseMs / 4);
  }

  private async requireWritable(): Promise<void> {
    const { rows } = await this.run<Writable>({ text: IS_WRITABLE });
    if (rows[0]?.writable === true) return;
    this.abandon();
    throw new SessionReadOnly();
  }

  private async endStalledLeader(): Promise<void> {
    await this.run({
      text: `SELECT pg_terminate_backend(leader.pid)
             FROM pg_locks AS lock JOIN pg_stat_activity AS leader USING (pid)
             WHERE lock.locktype = 'advisory' AND lock.granted AND lock.classid = $1 AND lock.objid = $2 AND lock.objsubid = 2
               AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
               AND leader.state = 'idle' AND leader.state_change < clock_timestamp() - make_interval(secs => $3)`,
      values: [LockKeys.namespace, LockKeys.relay, this.leaseMs / 1_000],
    });
  }

  /** A failed statement ends the session: the connection may be half open, and a fresh one is cheap. */
  private async run<Row extends QueryResultRow>(query: QueryConfig<unknown[]>): Promise<QueryResult<Row>> {
    try {
      return await this.client.query<Row>(query);
    } catch (error) {
      this.abandon();
      throw error;
    }
  }

  private abandon(): void {
    if (!this.open) return;
    this.open = false;
    clearInterval(this.heartbeat);
    void this.client.end().catch(() => undefined);
  }
}
