import { Injectable } from '@nestjs/common';
import type { OrderTraceRpc, ReservationFacts } from '@rookery/contracts';
import { EventTrail } from '@rookery/persistence';
import { DataSource } from 'typeorm';
import type { z } from 'zod';
import { Reservation } from './reservation.entity';

/** What products knows of an order, for operators who ask why it is stuck. */
@Injectable()
export class ReservationTrace {
  constructor(
    private readonly dataSource: DataSource,
    private readonly trail: EventTrail,
  ) {}

  /** As it is at one moment, so that state and events fit together. */
  read(orderId: string, eventIds: readonly string[]): Promise<z.output<typeof OrderTraceRpc.products.response>> {
    return this.dataSource.transaction('REPEATABLE READ', async (tx) => {
      const reservation = await tx.findOneBy(Reservation, { id: orderId });
      return {
        reservation: reservation && factsOf(reservation),
        events: await this.trail.read(tx, orderId, eventIds),
      };
    });
  }
}

const factsOf = ({ status, lines, paid, createdAt, updatedAt }: Reservation): ReservationFacts => ({
  status,
  linesKnown: lines !== null,
  paid,
  createdAt: createdAt.toISOString(),
  updatedAt: updatedAt.toISOString(),
});
