import type { PaymentState } from '@rookery/contracts';
import type { Outcome } from './payment-status';

/** The provider answered what cannot be true. Nothing is changed; the operation is tried again and stays visible as overdue. */
export class PaymentContradicted extends Error {
  constructor(paymentId: string, state: PaymentState, outcome: Outcome) {
    super(`payment ${paymentId} is ${state} and cannot be ${outcome}`);
    this.name = 'PaymentContradicted';
  }
}

/** A payment without amount was asked for its money: OrderCreated has not come yet. */
export class PaymentNotInitiated extends Error {
  constructor(paymentId: string) {
    super(`payment ${paymentId} has no amount yet`);
    this.name = 'PaymentNotInitiated';
  }
}

/** The provider gave no answer in time. What it was asked for may have happened nevertheless. */
export class ProviderTimedOut extends Error {
  constructor() {
    super('the payment provider gave no answer in time');
    this.name = 'ProviderTimedOut';
  }
}
