import type { SagaService } from '@rookery/contracts';
import type { OrderFactsOfAll } from './order-facts';

/**
 * Whether a service's own state shows the effect of an event: the state outlives the entries of outbox and inbox. Undefined when the
 * state does not show it, or the service is unavailable. Orders records the events it handles, so its state is not needed.
 */
export function hasEffect(service: SagaService, event: string, all: OrderFactsOfAll): boolean | undefined {
  switch (service) {
    case 'orders':
      return undefined;
    case 'payments':
      return all.payments.facts === null ? undefined : paymentShows(event, all.payments.facts.payment);
    case 'products':
      return all.products.facts === null ? undefined : reservationShows(event, all.products.facts.reservation);
  }
}

type Payment = NonNullable<OrderFactsOfAll['payments']['facts']>['payment'];
type Reservation = NonNullable<OrderFactsOfAll['products']['facts']>['reservation'];

function paymentShows(event: string, payment: Payment): boolean | undefined {
  switch (event) {
    case 'OrderCreated':
      return payment !== null && payment.status !== 'Expected';
    case 'OrderConfirmed':
      return payment?.purpose === 'take';
    case 'OrderCanceled':
      return payment?.purpose === 'return';
    default:
      return undefined;
  }
}

function reservationShows(event: string, reservation: Reservation): boolean | undefined {
  switch (event) {
    case 'OrderCreated':
      return reservation?.linesKnown === true;
    case 'PaymentReserved':
      return reservation?.paid === true;
    case 'OrderConfirmed':
      return reservation?.status === 'Shipped';
    case 'OrderCanceled':
      // A rejected reservation does not change.
      if (reservation?.status === 'Rejected') {
        return undefined;
      }
      return reservation?.status === 'Released' || reservation?.status === 'Withdrawn';
    default:
      return undefined;
  }
}
