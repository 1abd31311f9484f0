import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { connect } from './connect';
import { withoutRequestDeadlines, type PostgresOptions } from './data-source-options';

/** Most connections that a process has beside its pool; one that never asks has none. */
export const RESERVED_CONNECTIONS = 6;

/**
 * Connections beside the pool's, made when one is first asked for: for events and deadlines, which must get done however many
 * requests wait for the pool, and whether somebody waits for them or not. Closed at the end of the shutdown.
 */
@Injectable()
export class ReservedConnections implements OnApplicationShutdown {
  private opening: Promise<DataSource> | undefined;

  constructor(private readonly options: PostgresOptions) {}

  /** Throws DatabaseUnreachable; the next call tries again. */
  open(): Promise<DataSource> {
    const options = { ...withoutRequestDeadlines(this.options), poolSize: RESERVED_CONNECTIONS };
    this.opening ??= connect(options).catch((error: unknown) => {
      this.opening = undefined;
      throw error;
    });
    return this.opening;
  }

  async onApplicationShutdown(): Promise<void> {
    const opened = await this.opening?.catch(() => undefined);
    if (opened?.isInitialized === true) await opened.destroy();
  }
}
