import { Injectable } from '@nestjs/common';
import type { HealthCheck } from '@rookery/platform';
import { DataSource } from 'typeorm';

const ANSWER_WITHIN_MS = 2_000;

/** Readiness check `database`: the pool gives a connection and Postgres answers on it within 2 s. */
@Injectable()
export class DatabaseHealth implements HealthCheck {
  readonly name = 'database';

  constructor(private readonly dataSource: DataSource) {}

  async check(): Promise<void> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error('no answer in time')), ANSWER_WITHIN_MS);
    try {
      await Promise.race([this.dataSource.query('SELECT 1'), late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}
