import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { OrderDiagnosisRpc, ReservationFacts, ResponseOf } from '@rookery/contracts';
import { EventTrail } from '@rookery/persistence';
import { Reservation } from '../reservation/reservation.entity';

/** What products knows about one order, for operators who diagnose a stuck order. */
@Injectable()
export class ReservationDiagnosis {
  constructor(
    private readonly dataSource: DataSource,
    private readonly trail: EventTrail,
  ) {}

  /** Reads state and events in one snapshot, so that they are consistent. */
  read(orderId: string, eventIds: readonly string[]): Promise<ResponseOf<typeof OrderDiagnosisRpc.products>> {
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
