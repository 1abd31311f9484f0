import { Column, Entity } from 'typeorm';
import { type ReservationStatus, StockRejected, StockReleased, StockReserved } from '@rookery/contracts';
import { AggregateRoot } from '@rookery/persistence';
import type { StockDecision, StockLine } from '../stock/stock-decision';
import { reservationAfter, type ReservationFact } from './reservation-status';
import { ReservationContradicted } from './reservation.errors';

/**
 * The stock that an order holds. Its id is the order's id: one per order, whichever of the order's events arrives first.
 * The methods that move units return the lines to move; the caller moves them in the same transaction.
 */
@Entity({ name: 'reservations' })
export class Reservation extends AggregateRoot {
  /** Unknown until OrderCreated has arrived. */
  @Column({ type: 'jsonb', nullable: true })
  lines!: readonly StockLine[] | null;

  @Column({ type: 'boolean' })
  paid!: boolean;

  @Column({ type: 'text' })
  status!: ReservationStatus;

  /** As the repository's `open` inserts it: only the order's id is known. */
  static open(orderId: string): Reservation {
    return Object.assign(new Reservation(), {
      id: orderId,
      lines: null,
      paid: false,
      status: 'Awaiting',
    } satisfies Partial<Reservation>);
  }

  keepLines(lines: readonly StockLine[]): void {
    this.lines ??= lines;
  }

  markPaid(): void {
    this.paid = true;
  }

  /** The lines to reserve now; none while a fact is missing or after the decision. */
  linesToReserve(): readonly StockLine[] {
    return this.status === 'Awaiting' && this.paid ? (this.lines ?? []) : [];
  }

  settle(decision: StockDecision): void {
    const lines = [...this.linesToReserve()];
    this.apply(decision.kind);
    switch (decision.kind) {
      case 'reserved':
        this.record(StockReserved, { orderId: this.id, lines });
        break;
      case 'rejected':
        this.record(StockRejected, { orderId: this.id, reason: decision.reason, productId: decision.productId });
        break;
    }
  }

  /** The order is confirmed: returns the lines to ship. */
  ship(): readonly StockLine[] {
    const held = this.heldLines();
    this.apply('confirmed');
    return held;
  }

  /** The order is canceled: returns the lines to release. */
  release(): readonly StockLine[] {
    const held = this.heldLines();
    this.apply('canceled');
    if (held.length > 0) {
      this.record(StockReleased, { orderId: this.id, lines: [...held] });
    }
    return held;
  }

  private heldLines(): readonly StockLine[] {
    return this.status === 'Reserved' ? (this.lines ?? []) : [];
  }

  private apply(fact: ReservationFact): void {
    const next = reservationAfter(this.status, fact);
    if (!next) {
      throw new ReservationContradicted(this.id, this.status, fact);
    }
    this.status = next;
  }
}
