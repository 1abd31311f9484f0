import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';

/** Seconds; from a cache hit to the longest deadline. */
const buckets = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The process's Prometheus metrics: Node's own and rate, errors and duration of everything that comes in or goes out. */
@Injectable()
export class Metrics {
  /** Register further metrics here; `/metrics` shows them. */
  readonly registry = new Registry();

  /** HTTP requests served. `route` is the pattern, never the address: labels must stay few. */
  readonly httpServer = this.histogram('http_server_request_duration_seconds', 'HTTP requests served', [
    'method',
    'route',
    'status',
  ]);
  /** Requests over NATS answered; `status` is 200 or the problem's. */
  readonly rpcServer = this.histogram('rpc_server_duration_seconds', 'NATS requests answered', ['subject', 'status']);
  /** Requests over NATS made. */
  readonly rpcClient = this.histogram('rpc_client_duration_seconds', 'NATS requests made', ['subject', 'status']);
  /** Events handled; `outcome` is what became of the message: ack, retry, dead-letter. */
  readonly eventHandler = this.histogram('event_handler_duration_seconds', 'Events handled', ['event', 'outcome']);

  /** Messages that became dead letters. */
  readonly deadLetters = new Counter({
    name: 'dead_letters_total',
    help: 'Messages that became dead letters',
    labelNames: ['consumer', 'reason'],
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  private histogram<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Histogram<Label> {
    return new Histogram({ name, help, labelNames, buckets, registers: [this.registry] });
  }
}
