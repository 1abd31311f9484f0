import type { OrderStatus, ProblemDetail } from '@rookery/contracts';
import { DomainError, NotFound } from '@rookery/platform';

/** An order that does not exist and one of somebody else: the same answer, so that ids cannot be probed. */
export class OrderNotFound extends NotFound {
  constructor() {
    super('orders.order-not-found', 'There is no such order.');
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
      detail: 'The order names products that are not in the catalogue.',
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

export class InvalidCursor extends DomainError {
  constructor() {
    super({
      status: 400,
      code: 'orders.invalid-cursor',
      title: 'Invalid cursor',
      detail: 'The cursor is not one of this list: use nextCursor of an earlier page with the same filter.',
      errors: [{ pointer: '#/query/cursor', detail: 'must be a cursor from an earlier page of this list' }],
    });
  }
}
