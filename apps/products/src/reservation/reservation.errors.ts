import type { ReservationStatus } from '@rookery/contracts';
import { PermanentFailure } from '@rookery/messaging';
import type { ReservationFact } from './reservation-status';

/** An event contradicts the reservation: it becomes a dead letter for an operator and changes nothing. */
export class ReservationContradicted extends PermanentFailure {
  constructor(orderId: string, status: ReservationStatus, fact: ReservationFact) {
    super(`the reservation of order ${orderId} is ${status} and cannot be ${fact}`);
  }
}
