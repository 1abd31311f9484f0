import { MAX_STOCK } from '@rookery/contracts';
import { DomainError } from '@rookery/platform';

export class StockWouldBeNegative extends DomainError {
  constructor() {
    super({
      status: 409,
      code: 'products.stock-would-be-negative',
      title: 'Stock would be negative',
      detail: 'Fewer units are available than the adjustment takes.',
    });
  }
}

export class StockWouldOverflow extends DomainError {
  constructor() {
    super({
      status: 409,
      code: 'products.stock-would-overflow',
      title: 'Stock would overflow',
      detail: `No product may have more than ${MAX_STOCK} units available.`,
    });
  }
}
