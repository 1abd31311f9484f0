import type { ReservationStatus } from '@rookery/contracts';
import { PermanentFailure } from '@rookery/messaging';
import type { ReservationFact } from './reservation-status';

/** An event says what cannot be true: it goes to the dead letters for a human to look at, and changes nothing. */
export class ReservationContradicted extends PermanentFailure {
  constructor(orderId: string, status: ReservationStatus, fact: ReservationFact) {
    super(`the reservation of order ${orderId} is ${status} and cannot be ${fact}`);
  }
}
