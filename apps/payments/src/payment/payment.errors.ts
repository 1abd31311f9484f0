import type { PaymentState } from '@rookery/contracts';
import type { Outcome } from './payment-status';

/** The provider gave an impossible answer. Nothing is changed; the operation is retried and stays visible as overdue. */
export class PaymentContradicted extends Error {
  constructor(paymentId: string, state: PaymentState, outcome: Outcome) {
    super(`payment ${paymentId} is ${state} and cannot be ${outcome}`);
    this.name = 'PaymentContradicted';
  }
}

/** The payment has no amount: OrderCreated has not arrived yet. */
export class PaymentNotInitiated extends Error {
  constructor(paymentId: string) {
    super(`payment ${paymentId} has no amount yet`);
    this.name = 'PaymentNotInitiated';
  }
}

/** The provider did not answer in time. The operation may have taken effect. */
export class ProviderTimedOut extends Error {
  constructor() {
    super('the payment provider gave no answer in time');
    this.name = 'ProviderTimedOut';
  }
}
