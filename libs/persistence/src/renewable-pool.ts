import * as pg from 'pg';
import type { DataSource } from 'typeorm';

type Connected = Parameters<pg.Pool['connect']>[0];

interface Endable extends pg.ClientBase {
  end(): Promise<void>;
}

/** A server that reads but does not write refuses many requests at once: they renew the pool once. */
const RENEW_AT_MOST_EVERY_MS = 1_000;

/**
 * A pool that can give up the server it is connected to: after a failover its sessions would stay on the demoted server for as long as
 * there is traffic on them.
 */
export class RenewablePool extends pg.Pool {
  private readonly idle = new Set<Endable>();
  private readonly inUse = new Set<Endable>();
  private readonly outdated = new WeakSet<pg.ClientBase>();
  private renewedAtMs = -Infinity;

  constructor(options?: pg.PoolConfig) {
    super(options);
    this.on('acquire', (client: Endable) => {
      this.idle.delete(client);
      this.inUse.add(client);
    });
    // Before the pool looks whether the client is still usable: one that is ending it drops.
    this.on('release', (_error: Error, client: Endable) => {
      this.inUse.delete(client);
      if (this.outdated.has(client)) end(client);
      else this.idle.add(client);
    });
    this.on('remove', (client: Endable) => {
      this.idle.delete(client);
      this.inUse.delete(client);
    });
  }

  /** From now on work gets fresh connections: idle ones are closed, those in use when their work is done. */
  renew(): void {
    const nowMs = performance.now();
    if (nowMs - this.renewedAtMs < RENEW_AT_MOST_EVERY_MS) return;
    this.renewedAtMs = nowMs;
    for (const client of [...this.idle, ...this.inUse]) this.outdated.add(client);
    for (const client of this.idle) end(client);
    this.idle.clear();
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(callback: Connected): void;
  override connect(callback?: Connected): Promise<pg.PoolClient> | void {
    if (callback === undefined) return this.connectAfresh();
    super.connect((error, client, release) => {
      if (client === undefined || !this.outdated.has(client)) {
        callback(error, client, release);
        return;
      }
      release(true);
      this.connect(callback);
    });
  }

  /** The pool may still hold a closed client as an idle one. */
  private async connectAfresh(): Promise<pg.PoolClient> {
    for (;;) {
      const client = await super.connect();
      if (!this.outdated.has(client)) return client;
      client.release(true);
    }
  }
}

const end = (client: Endable): void => void client.end().catch(() => undefined);

/** Gives up the server that a data source's pool is connected to, see `RenewablePool`. */
export function renewConnections({ driver }: DataSource): void {
  const pool: unknown = 'master' in driver ? driver.master : undefined;
  if (pool instanceof RenewablePool) pool.renew();
}

/** What TypeORM takes for the driver: node-postgres with that pool. */
export const renewableDriver = { ...pg, Pool: RenewablePool };
