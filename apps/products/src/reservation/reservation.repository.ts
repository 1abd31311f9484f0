import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AggregateRepository, Outbox, UnitOfWork, writeRowLater } from '@rookery/persistence';
import { Reservation } from './reservation.entity';

/** In the order of ids, so that two groups with the same orders wait for each other once and not in a circle. */
const OPEN = `INSERT INTO reservations (id) SELECT id FROM unnest($1::uuid[]) AS id ORDER BY id ON CONFLICT (id) DO NOTHING`;

@Injectable()
export class ReservationRepository extends AggregateRepository<Reservation> {
  constructor(unitOfWork: UnitOfWork, outbox: Outbox) {
    super(unitOfWork, outbox, Reservation);
  }

  /** Ensures that the order has its row. A second caller waits for the first and then finds it. */
  async open(tx: EntityManager, orderId: string): Promise<void> {
    await writeRowLater(tx, OPEN, [orderId]);
  }
}
