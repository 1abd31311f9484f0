import { Injectable } from '@nestjs/common';
import { Counter } from 'prom-client';
import { Metrics } from '@rookery/platform';

/** Counts duplicates in the inbox. */
@Injectable()
export class InboxMetrics {
  /** Deliveries without effect. Some are normal after a crash or a republication; a steady rate is not. */
  readonly duplicates: Counter;

  constructor(metrics: Metrics) {
    this.duplicates = new Counter({
      name: 'inbox_duplicates_total',
      help: 'Deliveries of events that had taken effect before',
      registers: [metrics.registry],
    });
  }
}
