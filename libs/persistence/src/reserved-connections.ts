import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { open } from './connect';
import { type PostgresOptions, withoutRequestDeadlines } from './data-source-options';

/** Maximum number of connections of a process besides its pool. A process that never asks for one opens none. */
export const RESERVED_CONNECTIONS = 6;

/**
 * Connections besides the pool, opened on first use. They serve events and deadlines, which must proceed regardless of how many requests wait
 * for the pool, and have no caller's deadline. They close at the end of the shutdown.
 */
@Injectable()
export class ReservedConnections implements OnApplicationShutdown {
  private opening: Promise<DataSource> | undefined;

  constructor(private readonly options: PostgresOptions) {}

  /** @throws {DatabaseUnreachable} the next call tries again */
  open(): Promise<DataSource> {
    const options = { ...withoutRequestDeadlines(this.options), poolSize: RESERVED_CONNECTIONS };
    this.opening ??= open(options).catch((error: unknown) => {
      this.opening = undefined;
      throw error;
    });
    return this.opening;
  }

  async onApplicationShutdown(): Promise<void> {
    const opened = await this.opening?.catch(() => undefined);
    if (opened?.isInitialized === true) {
      await opened.destroy();
    }
  }
}
