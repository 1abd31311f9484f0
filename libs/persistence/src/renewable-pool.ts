import * as pg from 'pg';
import type { DataSource } from 'typeorm';
import { PipelinedClient } from './pipelined-client';

type Connected = Parameters<pg.Pool['connect']>[0];

interface Endable extends pg.ClientBase {
  end(): Promise<void>;
}

/** A read-only server rejects many requests at once, which renew the pool once. */
const RENEW_AT_MOST_EVERY_MS = 1_000;

/**
 * A pool that can replace its connections: after a failover its sessions would stay on the demoted server as long as there is traffic on
 * them.
 */
export class RenewablePool extends pg.Pool {
  private readonly idle = new Set<Endable>();
  private readonly inUse = new Set<Endable>();
  private readonly outdated = new WeakSet<pg.ClientBase>();
  private renewedAtMs = -Infinity;

  constructor(options?: pg.PoolConfig) {
    super({ ...options, Client: PipelinedClient });
    this.on('acquire', (client: Endable) => {
      this.idle.delete(client);
      this.inUse.add(client);
    });
    // This runs before the pool checks whether the client is usable: it drops one that is ending.
    this.on('release', (_error: Error, client: Endable) => {
      this.inUse.delete(client);
      if (client instanceof PipelinedClient && !client.isIdle) {
        client.abandon();
        end(client);
      } else if (this.outdated.has(client)) {
        end(client);
      } else {
        this.idle.add(client);
      }
    });
    this.on('remove', (client: Endable) => {
      this.idle.delete(client);
      this.inUse.delete(client);
    });
  }

  /** From now on work gets new connections: idle ones close now, those in use after their work. */
  renew(): void {
    const nowMs = performance.now();
    if (nowMs - this.renewedAtMs < RENEW_AT_MOST_EVERY_MS) {
      return;
    }
    this.renewedAtMs = nowMs;
    for (const client of [...this.idle, ...this.inUse]) {
      this.outdated.add(client);
    }
    for (const client of this.idle) {
      end(client);
    }
    this.idle.clear();
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(callback: Connected): void;
  override connect(callback?: Connected): Promise<pg.PoolClient> | void {
    if (callback === undefined) {
      return this.connectCurrent();
    }
    super.connect((error, client, release) => {
      if (client === undefined || !this.outdated.has(client)) {
        callback(error, client, release);
        return;
      }
      release(true);
      this.connect(callback);
    });
  }

  /** The pool may still hand out a closed client. */
  private async connectCurrent(): Promise<pg.PoolClient> {
    for (;;) {
      const client = await super.connect();
      if (!this.outdated.has(client)) {
        return client;
      }
      client.release(true);
    }
  }
}

const end = (client: Endable): void => void client.end().catch(() => undefined);

/** Replaces the connections of a data source's pool, see `RenewablePool`. */
export function renewConnections({ driver }: DataSource): void {
  const pool: unknown = 'master' in driver ? driver.master : undefined;
  if (pool instanceof RenewablePool) {
    pool.renew();
  }
}

/** The driver for TypeORM: node-postgres with that pool. */
export const renewableDriver = { ...pg, Pool: RenewablePool };
