import { Client, type QueryConfig, type QueryResult, type QueryResultRow } from 'pg';
import type { StoredEvent } from '@rookery/contracts';
import { connectionOptions, prepareSession } from './data-source-options';
import { SessionReadOnly } from './database-errors';
import { DELETE_EXPIRED_ANSWERS } from './idempotency-store';
import { DELETE_EXPIRED_RECORDS } from './inbox';
import { IS_WRITABLE, type Writable } from './is-writable';

/** Keys of this library's advisory locks. A lock is per database and thus per service. */
export const LockKeys = { namespace: 0x526f6f6b, relay: 1, migrations: 2 } as const;

/** An event and its position in the outbox. */
export interface PendingMessage {
  readonly position: string;
  readonly message: StoredEvent;
}

interface OutboxRow extends Omit<StoredEvent, 'time'> {
  readonly position: string;
  readonly time: Date;
}

/** A leader without a statement for this time loses the lock, in ms. */
const LEASE_MS = 10_000;

/**
 * The relay's own database session, which owns the lock. All work of the leader goes through this session, so that a process that lost the
 * lock cannot do it.
 *
 * The lock is a lease: the leader's session executes statements several times per lease. When it does not, because its process is stopped or
 * starved while the kernel keeps the connection open, a waiting relay terminates the session. Only the database's clock counts.
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
    // Under the log-in role: a role that becomes the owner of the database when it connects cannot see and terminate its own stalled sessions.
    await prepareSession(client, { role: 'none' });
    return session;
  }

  /** False once the connection is lost. A lost session never recovers. */
  get alive(): boolean {
    return this.open;
  }

  /** Whether this session holds the lock. */
  get leading(): boolean {
    return this.open && this.leads;
  }

  /** Takes the lock if it is free. Otherwise terminates a holder past its lease, so that the next attempt can succeed. */
  async tryToLead(): Promise<boolean> {
    if (this.leading) {
      return true;
    }
    await this.requireWritable();
    const { rows } = await this.run<{ locked: boolean }>({
      text: 'SELECT pg_try_advisory_lock($1, $2) AS locked',
      values: [LockKeys.namespace, LockKeys.relay],
    });
    this.leads = rows[0]?.locked === true;
    if (this.leads) {
      this.keepLease();
    } else {
      await this.endStalledLeader();
    }
    return this.leading;
  }

  /**
   * The oldest unpublished events. The query never asks for ids "after the last id seen": ids become visible in commit order, so a lower
   * id may still appear.
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

  /**
   * Deletes published events, inbox records and stored answers past their retention, oldest first.
   * @param limit rows per table
   * @returns whether there may be more
   */
  async prune(publishedHours: number, inboxHours: number, limit: number): Promise<boolean> {
    const outbox = await this.run({
      // As an array: a join would read the whole table.
      text: `DELETE FROM outbox WHERE id = ANY (ARRAY(SELECT id FROM outbox ORDER BY id LIMIT $2))
               AND published_at < now() - make_interval(hours => $1)`,
      values: [publishedHours, limit],
    });
    const inbox = await this.run({
      text: DELETE_EXPIRED_RECORDS,
      values: [inboxHours, limit],
    });
    const answers = await this.run({ text: DELETE_EXPIRED_ANSWERS, values: [limit] });
    return [outbox, inbox, answers].some(({ rowCount }) => (rowCount ?? 0) > 0);
  }

  /** Ends the session and releases the lock. */
  async close(): Promise<void> {
    this.open = false;
    clearInterval(this.heartbeat);
    await this.client.end();
  }

  /** A lock belongs to one server: on a demoted server it does not exclude a relay on the new primary. */
  private keepLease(): void {
    this.heartbeat = setInterval(() => {
      this.requireWritable().catch(() => undefined);
    }, this.leaseMs / 4);
  }

  private async requireWritable(): Promise<void> {
    const { rows } = await this.run<Writable>({ text: IS_WRITABLE });
    if (rows[0]?.writable === true) {
      return;
    }
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

  /** A failed statement ends the session: the connection may be half open, and a new one is cheap. */
  private async run<Row extends QueryResultRow>(query: QueryConfig<unknown[]>): Promise<QueryResult<Row>> {
    try {
      return await this.client.query<Row>(query);
    } catch (error) {
      this.abandon();
      throw error;
    }
  }

  private abandon(): void {
    if (!this.open) {
      return;
    }
    this.open = false;
    clearInterval(this.heartbeat);
    void this.client.end().catch(() => undefined);
  }
}
