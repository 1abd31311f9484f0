import { Injectable } from '@nestjs/common';
import { Counter } from 'prom-client';
import { EventPublisher } from '@rookery/messaging';
import { DomainError, logger, Metrics } from '@rookery/platform';
import { OrderAdmission, type RefusalReason, RefusalReasons } from './order-admission';
import { SagaProgressReader } from './saga-progress';

/** Seconds after which a refused client may try again. */
const RETRY_AFTER_SECONDS = 5;

/** 503: no new orders are admitted now; orders in progress go first. */
export class OrdersOverloaded extends DomainError {
  constructor(reason: RefusalReason) {
    super({
      status: 503,
      code: `orders.${reason}`,
      title: 'New orders are paused',
      detail: `${details[reason]} Nothing was stored; try again after Retry-After seconds with the same key.`,
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    });
  }
}

const details = {
  'saga-lag': 'The backlog is too long to complete a new order before its deadline.',
  'stream-full': 'The event stream has room only for orders already in progress.',
  'events-not-stored': 'The events of an order cannot be stored at present.',
} as const satisfies Record<RefusalReason, string>;

/** Admits or refuses new orders by a sample taken once a second, so that no request waits for the sample. */
@Injectable()
export class AdmissionGate {
  private readonly refused: Counter<'reason'>;
  private lastReported: RefusalReason | undefined;

  constructor(
    private readonly admission: OrderAdmission,
    private readonly progress: SagaProgressReader,
    private readonly publisher: EventPublisher,
    metrics: Metrics,
  ) {
    this.refused = new Counter({
      name: 'orders_refused_total',
      help: `New orders refused with 503, by reason: ${RefusalReasons.join(', ')}`,
      labelNames: ['reason'],
      registers: [metrics.registry],
    });
    for (const reason of RefusalReasons) {
      this.refused.inc({ reason }, 0);
    }
    metrics.gauge(
      'orders_saga_lag_seconds',
      'Age of the oldest order that waits behind the newest order that completed the saga',
      () => this.admission.lagSeconds,
    );
    metrics.gauge(
      'orders_saga_waiting',
      'Orders that wait behind the newest order that completed the saga',
      () => this.admission.waiting,
    );
  }

  /** Samples the saga's progress. */
  async sample(): Promise<void> {
    const admittedBefore = this.admission.startSample();
    this.admission.record(await this.progress.read(), admittedBefore);
    this.logTransition();
  }

  /** @throws {OrdersOverloaded} when no new order is admitted now */
  admit(): void {
    const reason = this.refusal();
    if (reason === undefined) {
      return;
    }
    this.refused.inc({ reason });
    throw new OrdersOverloaded(reason);
  }

  /** Counts an order that was stored. */
  admitted(): void {
    this.admission.admitted();
  }

  /** The stream reports a refused event at once, without waiting for the next sample. */
  private refusal(): RefusalReason | undefined {
    const { capacity, storage } = this.publisher;
    this.admission.recordStream(capacity.usedShare, storage.storing);
    return this.admission.refusal();
  }

  private logTransition(): void {
    const reason = this.refusal();
    if (reason === this.lastReported) {
      return;
    }
    this.lastReported = reason;
    const { lagSeconds, waiting } = this.admission;
    const facts = {
      reason,
      waiting,
      lagSeconds: Math.round(lagSeconds),
      streamTaken: this.publisher.capacity.usedShare,
    };
    if (reason === undefined) {
      logger.info(facts, 'new orders are admitted again');
    } else {
      logger.warn(facts, 'new orders are refused');
    }
  }
}
