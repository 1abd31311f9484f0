import type { FastifyReply } from 'fastify';
import { Histogram } from 'prom-client';
import type { Metrics } from '@rookery/platform';
import { isEventStream } from '../live-stream';
import type { Upstream } from './upstream-choice';

/** Seconds; the same as for other durations of this process. */
const BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Rate, errors and duration of both sides of each prefix, for comparison during the migration. */
export class StranglerMetrics {
  private readonly durations: Histogram<'prefix' | 'upstream' | 'status'>;

  constructor({ registry }: Metrics) {
    this.durations = new Histogram({
      name: 'strangler_request_duration_seconds',
      help: 'Requests under a migrated prefix, by upstream; status is aborted when the response was interrupted',
      labelNames: ['prefix', 'upstream', 'status'],
      buckets: BUCKETS,
      registers: [registry],
    });
  }

  /** Records the request for this side when its response has ended. */
  watch(reply: FastifyReply, prefix: string, upstream: Upstream): void {
    const startedAt = performance.now();
    reply.raw.once('close', () => {
      // A live stream is complete when its reader leaves.
      const whole = reply.raw.writableFinished || isEventStream(reply.raw.getHeader('content-type'));
      const status = whole ? String(reply.raw.statusCode) : 'aborted';
      this.durations.observe({ prefix, upstream, status }, (performance.now() - startedAt) / 1_000);
    });
  }
}
