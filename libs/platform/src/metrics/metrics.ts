import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { Answers } from './answers';

/** Histogram buckets of durations in seconds, from a cache hit to the longest deadline. */
export const DURATION_BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The current value of a gauge: one number, or one per set of labels. Undefined or empty keeps the last value. */
export type Reading =
  number | undefined | readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];

/** The process's Prometheus metrics: Node's own metrics, and rate, errors and duration of all inbound and outbound work. */
@Injectable()
export class Metrics {
  /** Register further metrics here; `/metrics` shows them. */
  readonly registry = new Registry();

  /** HTTP requests served. `route` is the pattern, never the address: labels must stay few. */
  readonly httpServer = new Answers<'method' | 'route'>(this.registry, {
    durations: this.histogram('http_server_request_duration_seconds', 'HTTP requests served', [
      'method',
      'route',
      'status',
    ]),
    counter: 'http_server_responses_total',
    help: 'HTTP requests served, by class of status',
    labelNames: ['method', 'route'],
  });
  /** Requests over NATS answered; `status` is 200 or the problem's. */
  readonly rpcServer = new Answers<'subject'>(this.registry, {
    durations: this.histogram('rpc_server_duration_seconds', 'NATS requests answered', ['subject', 'status']),
    counter: 'rpc_server_responses_total',
    help: 'NATS requests answered, by class of status',
    labelNames: ['subject'],
  });
  /** NATS requests whose reply address belongs to no permitted caller; they were not handled. */
  readonly rpcServerDropped = new Counter({
    name: 'rpc_server_dropped_total',
    help: 'NATS requests dropped because their reply subject is not the inbox of a caller',
    labelNames: ['subject'],
    registers: [this.registry],
  });
  /** Requests over NATS made. */
  readonly rpcClient = this.histogram('rpc_client_duration_seconds', 'NATS requests made', ['subject', 'status']);
  /** Events handled, by `outcome` of the message: ack, retry, dead-letter. */
  readonly eventHandler = this.histogram('event_handler_duration_seconds', 'Events handled', ['event', 'outcome']);

  /** Events that the stream considered duplicates; `outcome` is stored, or missing when the stream no longer has them. */
  readonly eventDuplicates = new Counter({
    name: 'event_publish_duplicates_total',
    help: 'Events published that the stream took for repetitions, by whether it has them',
    labelNames: ['outcome'],
    registers: [this.registry],
  });

  /** Messages that became dead letters. */
  readonly deadLetters = new Counter({
    name: 'dead_letters_total',
    help: 'Messages that became dead letters',
    labelNames: ['consumer', 'reason'],
    registers: [this.registry],
  });

  /** The circuit breaker in front of a dependency: 0 closed, 1 half-open, 2 open. */
  readonly dependencyBreaker = new Gauge({
    name: 'dependency_breaker_state',
    help: 'Circuit breaker of a dependency: 0 closed, 1 half-open, 2 open',
    labelNames: ['dependency'],
    registers: [this.registry],
  });
  /** Calls to a dependency in flight. */
  readonly dependencyInFlight = new Gauge({
    name: 'dependency_calls_in_flight',
    help: 'Calls of a dependency that wait for its answer',
    labelNames: ['dependency'],
    registers: [this.registry],
  });
  /** Calls sent, by `outcome`: answered (also by a refusal) or failed. */
  readonly dependencyCalls = new Counter({
    name: 'dependency_calls_total',
    help: 'Calls of a dependency that were sent, by outcome: answered or failed',
    labelNames: ['dependency', 'outcome'],
    registers: [this.registry],
  });
  /** Calls not sent, by `reason`: breaker, bulkhead or deadline. */
  readonly dependencyRejections = new Counter({
    name: 'dependency_rejections_total',
    help: 'Calls of a dependency that were refused before they were sent',
    labelNames: ['dependency', 'reason'],
    registers: [this.registry],
  });
  /** Calls without a responder, by `outcome`: sent (once more) or over-budget. */
  readonly dependencyRetries = new Counter({
    name: 'dependency_retries_total',
    help: 'Queries that nobody took, by whether the retry budget let them be sent again',
    labelNames: ['dependency', 'outcome'],
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  /**
   * Registers a gauge that is read when the metrics are scraped: a number, or one for each set of labels. Without a value (undefined, an
   * empty list) it keeps the last one. A second gauge of the same name is ignored.
   */
  gauge(name: string, help: string, read: () => Reading | Promise<Reading>, labelNames: readonly string[] = []): void {
    if (this.registry.getSingleMetric(name) !== undefined) {
      return;
    }
    new Gauge({
      name,
      help,
      labelNames,
      registers: [this.registry],
      async collect() {
        const reading = await read();
        if (typeof reading === 'number') {
          this.set(reading);
        } else {
          for (const { labels, value } of reading ?? []) {
            this.set({ ...labels }, value);
          }
        }
      },
    });
  }

  private histogram<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Histogram<Label> {
    return new Histogram({ name, help, labelNames, buckets: DURATION_BUCKETS, registers: [this.registry] });
  }
}
