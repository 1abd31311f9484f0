import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AggregateRepository, Outbox, UnitOfWork, writeLater } from '@rookery/persistence';
import { Reservation } from './reservation.entity';

@Injectable()
export class ReservationRepository extends AggregateRepository<Reservation> {
  constructor(unitOfWork: UnitOfWork, outbox: Outbox) {
    super(unitOfWork, outbox, Reservation);
  }

  /** Ensures that the order has its row. A second caller waits for the first and then finds it. */
  async open(tx: EntityManager, orderId: string): Promise<void> {
    await writeLater(tx, 'INSERT INTO reservations (id) VALUES ($1) ON CONFLICT (id) DO NOTHING', [orderId]);
  }
}
