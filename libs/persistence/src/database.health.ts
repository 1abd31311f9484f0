import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { HealthCheck } from '@rookery/platform';
import { SessionReadOnly } from './database-errors';
import { IS_WRITABLE, type Writable } from './is-writable';
import { renewConnections } from './renewable-pool';

const ANSWER_WITHIN_MS = 2_000;

/**
 * Readiness check `database`: within 2 s the pool provides a connection and Postgres answers and takes writes. If it takes none, the pool
 * drops its connections to that server: the next one may lead to the primary.
 */
@Injectable()
export class DatabaseHealth implements HealthCheck {
  readonly name = 'database';

  constructor(private readonly dataSource: DataSource) {}

  async check(): Promise<void> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error('no answer in time')), ANSWER_WITHIN_MS);
    try {
      await Promise.race([this.requireWritable(), late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  private async requireWritable(): Promise<void> {
    const [session] = await this.dataSource.query<Writable[]>(IS_WRITABLE);
    if (session?.writable === true) {
      return;
    }
    renewConnections(this.dataSource);
    throw new SessionReadOnly();
  }
}
