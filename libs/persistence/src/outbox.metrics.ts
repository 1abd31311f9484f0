import { Injectable } from '@nestjs/common';
import { Counter } from 'prom-client';
import { DataSource } from 'typeorm';
import { logger, Metrics } from '@rookery/platform';
import { reasonOf } from './database-errors';

interface Backlog {
  readonly events: number;
  readonly ageSeconds: number;
}

/** Metrics of the outbox: its backlog, read from the database at each scrape, and the publishing attempts. */
@Injectable()
export class OutboxMetrics {
  private shown = false;
  private reading: Promise<Backlog | undefined> | undefined;
  private readonly attempts = new Counter({
    name: 'outbox_publish_attempts_total',
    help: 'Attempts to publish an event; outcome is stored or failed',
    labelNames: ['outcome'],
    registers: [],
  });
  private readonly publishedEvents = new Counter({
    name: 'outbox_published_events_total',
    help: 'Events marked as published; one that is published again counts again',
    registers: [],
  });

  constructor(
    private readonly dataSource: DataSource,
    private readonly metrics: Metrics,
  ) {}

  /** Adds the metrics to `/metrics`. Only for services that publish events: the others have no outbox. */
  show(): void {
    if (this.shown) {
      return;
    }
    this.shown = true;
    this.metrics.registry.registerMetric(this.attempts);
    this.metrics.registry.registerMetric(this.publishedEvents);
    this.gauge('outbox_unpublished_events', 'Events that wait for the broker', ({ events }) => events);
    this.gauge(
      'outbox_oldest_unpublished_age_seconds',
      'Age of the oldest event that waits for the broker; 0 when none does',
      ({ ageSeconds }) => Math.max(ageSeconds, 0),
    );
  }

  /** Counts an attempt to publish by its outcome. */
  async attempt(publish: () => Promise<void>): Promise<void> {
    try {
      await publish();
    } catch (error) {
      this.attempts.inc({ outcome: 'failed' });
      throw error;
    }
    this.attempts.inc({ outcome: 'stored' });
  }

  /** Counts events marked as published. */
  published(count: number): void {
    this.publishedEvents.inc(count);
  }

  private gauge(name: string, help: string, valueOf: (backlog: Backlog) => number): void {
    this.metrics.gauge(name, help, async () => {
      const backlog = await this.backlog();
      return backlog && valueOf(backlog);
    });
  }

  /** One query for all gauges of a scrape. */
  private backlog(): Promise<Backlog | undefined> {
    this.reading ??= this.read().finally(() => (this.reading = undefined));
    return this.reading;
  }

  /** Without a database the gauges keep their last values, and the scrape still succeeds. */
  private async read(): Promise<Backlog | undefined> {
    try {
      const [backlog] = await this.dataSource.query<Backlog[]>(
        `SELECT count(*)::integer AS events,
                coalesce(extract(epoch FROM now() - min(occurred_at)), 0)::float8 AS "ageSeconds"
         FROM outbox WHERE published_at IS NULL`,
      );
      return backlog;
    } catch (error) {
      logger.debug({ reason: reasonOf(error) }, 'cannot count the outbox');
      return undefined;
    }
  }
}
