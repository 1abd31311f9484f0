import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { DifferenceKinds } from '@rookery/contracts';
import { logger, Metrics } from '@rookery/platform';

interface Standing {
  readonly differences: Readonly<Record<string, number>>;
  /** Seconds since 1970. */
  readonly completedAt: number;
}

/** The open differences and the end of the last run, read from the database, so that every replica shows the same. */
@Injectable()
export class ReconciliationMetrics {
  private reading: Promise<Standing | undefined> | undefined;

  constructor(
    private readonly dataSource: DataSource,
    metrics: Metrics,
  ) {
    // Without a database the gauges keep their last values, and the scrape still succeeds.
    metrics.gauge(
      'reconciliation_differences',
      'Differences between the services that the newest comparison found; each replica shows all of them',
      async () => {
        const now = await this.standing();
        return now && DifferenceKinds.map((kind) => ({ labels: { kind }, value: now.differences[kind] ?? 0 }));
      },
      ['kind'],
    );
    metrics.gauge(
      'reconciliation_last_success_timestamp_seconds',
      'When the periodic reconciliation last finished, whatever it found; 0 if it never did',
      async () => (await this.standing())?.completedAt,
    );
  }

  /** One query for both gauges of a scrape. */
  private standing(): Promise<Standing | undefined> {
    this.reading ??= this.read().finally(() => (this.reading = undefined));
    return this.reading;
  }

  private async read(): Promise<Standing | undefined> {
    try {
      const [standing] = await this.dataSource.query<Standing[]>(
        `SELECT (SELECT coalesce(jsonb_object_agg(kind, count), '{}')
                 FROM (SELECT kind, count(*) FROM reconciliation_difference GROUP BY kind) AS counted) AS differences,
                coalesce((SELECT extract(epoch FROM completed_at) FROM reconciliation_progress), 0)::float8 AS "completedAt"`,
      );
      return standing;
    } catch (error) {
      logger.debug({ err: error }, 'the differences cannot be counted');
      return undefined;
    }
  }
}
