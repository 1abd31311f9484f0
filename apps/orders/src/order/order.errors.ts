import { formatMoney, type Money, type OrderStatus, type ProblemDetail } from '@rookery/contracts';
import { DomainError, NotFound } from '@rookery/platform';

/** The same answer for an unknown order and for another customer's, so that ids cannot be probed. */
export class OrderNotFound extends NotFound {
  constructor() {
    super('orders.order-not-found', 'The order does not exist.');
  }
}

export class OrderNotCancellable extends DomainError {
  constructor(status: OrderStatus) {
    super({
      status: 409,
      code: 'orders.order-not-cancellable',
      title: 'Order not cancellable',
      detail: `The order is ${status}; only a Pending order can be canceled.`,
    });
  }
}

export class ProductUnavailable extends DomainError {
  constructor(errors: readonly ProblemDetail[]) {
    super({
      status: 422,
      code: 'orders.product-unavailable',
      title: 'Product unavailable',
      detail: 'The order names products that are not in the catalog.',
      errors,
    });
  }
}

export class MixedCurrencies extends DomainError {
  constructor(currencies: readonly string[]) {
    super({
      status: 422,
      code: 'orders.mixed-currencies',
      title: 'Mixed currencies',
      detail: `All lines of an order must have one currency; these have ${currencies.join(', ')}.`,
    });
  }
}

export class TotalTooLarge extends DomainError {
  constructor() {
    super({
      status: 422,
      code: 'orders.total-too-large',
      title: 'Total too large',
      detail: `The total exceeds ${Number.MAX_SAFE_INTEGER} minor units.`,
    });
  }
}

/** The current total differs from the one that the customer was shown. */
export class TotalChanged extends DomainError {
  constructor(expectedTotal: Money, total: Money) {
    super({
      status: 409,
      code: 'orders.total-changed',
      title: 'Total changed',
      detail: `The order now costs ${formatMoney(total)}, not ${formatMoney(expectedTotal)}: show the new total and retry.`,
      errors: [{ pointer: '/expectedTotal', detail: `must be the total of the order, ${formatMoney(total)}` }],
      totals: { expectedTotal, total },
    });
  }
}
