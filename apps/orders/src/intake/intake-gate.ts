import { Injectable } from '@nestjs/common';
import { EventPublisher } from '@rookery/messaging';
import { DomainError, logger, Metrics } from '@rookery/platform';
import { Counter } from 'prom-client';
import { OrderIntake, RefusalReasons, type RefusalReason } from './order-intake';
import { SagaProgressReader } from './saga-progress';

/** When a refused customer may try again. */
const RETRY_AFTER_SECONDS = 5;

/** No new orders are taken now; those that were begun go first. */
export class OrdersNotTaken extends DomainError {
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

/** Lets new orders in or not, by what it sees once a second: no request waits for that. */
@Injectable()
export class IntakeGate {
  private readonly refused: Counter<'reason'>;
  private said: RefusalReason | undefined;

  constructor(
    private readonly intake: OrderIntake,
    private readonly progress: SagaProgressReader,
    private readonly publisher: EventPublisher,
    metrics: Metrics,
  ) {
    this.refused = new Counter({
      name: 'orders_refused_total',
      help: 'New orders refused with 503, by reason: saga-lag, stream-full, events-not-stored',
      labelNames: ['reason'],
      registers: [metrics.registry],
    });
    for (const reason of RefusalReasons) this.refused.inc({ reason }, 0);
    metrics.gauge(
      'orders_saga_lag_seconds',
      'Age of the oldest order that waits behind the newest one that went all the way',
      () => this.intake.lagSeconds,
    );
    metrics.gauge(
      'orders_saga_waiting',
      'Orders that wait behind the newest one that went all the way',
      () => this.intake.waiting,
    );
  }

  /** Looks how things stand. */
  async look(): Promise<void> {
    this.intake.note(await this.progress.read());
    this.sayChange();
  }

  /** Throws OrdersNotTaken (503) when no new order is taken now. */
  admit(): void {
    const reason = this.refusal();
    if (reason === undefined) return;
    this.refused.inc({ reason });
    throw new OrdersNotTaken(reason);
  }

  /** An order was stored. */
  taken(): void {
    this.intake.taken();
  }

  /** The stream says itself when it refuses an event: that need not wait for the next look. */
  private refusal(): RefusalReason | undefined {
    const { capacity, storage } = this.publisher;
    this.intake.noteStream(capacity.usedShare, storage.storing);
    return this.intake.refusal();
  }

  private sayChange(): void {
    const reason = this.refusal();
    if (reason === this.said) return;
    this.said = reason;
    const { lagSeconds, waiting } = this.intake;
    const facts = { reason, waiting, lagSeconds: Math.round(lagSeconds), streamTaken: this.publisher.capacity.usedShare };
    if (reason === undefined) logger.info(facts, 'new orders are taken again');
    else logger.warn(facts, 'new orders are refused');
  }
}
