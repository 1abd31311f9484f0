import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { UnitOfWork } from '@rookery/persistence';
import { StockChangeNotifier } from '../stock/stock-change-notifier';
import type { StockLine } from '../stock/stock-decision';
import { StockRepository } from '../stock/stock.repository';
import type { Reservation } from './reservation.entity';
import { ReservationRepository } from './reservation.repository';

/** The saga's steps in products. An order's events may arrive in any order; each step depends on the state, not on earlier events. */
@Injectable()
export class ReservationService {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly reservations: ReservationRepository,
    private readonly stock: StockRepository,
    private readonly notifier: StockChangeNotifier,
  ) {}

  orderCreated(orderId: string, lines: readonly StockLine[]): Promise<void> {
    return this.change(orderId, async (reservation, tx) => {
      reservation.keepLines(lines);
      await this.reserveIfDue(reservation, tx);
    });
  }

  paymentReserved(orderId: string): Promise<void> {
    return this.change(orderId, async (reservation, tx) => {
      reservation.markPaid();
      await this.reserveIfDue(reservation, tx);
    });
  }

  orderConfirmed(orderId: string): Promise<void> {
    return this.change(orderId, async (reservation, tx) => {
      const held = reservation.ship();
      if (held.length > 0) {
        await this.stock.ship(tx, held);
      }
    });
  }

  orderCanceled(orderId: string): Promise<void> {
    return this.change(orderId, async (reservation, tx) => {
      const held = reservation.release();
      if (held.length === 0) {
        return;
      }
      await this.stock.release(tx, held);
      this.notifier.changed(productsOf(held));
    });
  }

  private async reserveIfDue(reservation: Reservation, tx: EntityManager): Promise<void> {
    const lines = reservation.linesToReserve();
    if (lines.length === 0) {
      return;
    }
    const decision = await this.stock.reserve(tx, lines);
    reservation.settle(decision);
    if (decision.kind === 'reserved') {
      this.notifier.changed(productsOf(lines));
    }
  }

  /** Any of an order's events may arrive first, and two may arrive at once: the row lock serializes them. */
  private change(orderId: string, step: (reservation: Reservation, tx: EntityManager) => Promise<void>): Promise<void> {
    return this.unitOfWork.run(async (tx) => {
      await this.reservations.open(tx, orderId);
      await this.reservations.update(orderId, step);
    });
  }
}

const productsOf = (lines: readonly StockLine[]): readonly string[] => lines.map(({ productId }) => productId);
