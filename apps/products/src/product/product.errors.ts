import { DomainError, NotFound } from '@rookery/platform';

export class ProductNotFound extends NotFound {
  constructor(id: string) {
    super('products.product-not-found', `There is no product ${id}.`);
  }
}

export class SkuTaken extends DomainError {
  constructor(sku: string) {
    super({
      status: 409,
      code: 'products.sku-taken',
      title: 'SKU taken',
      detail: `Another product has the SKU ${sku}.`,
    });
  }
}

export class InvalidCursor extends DomainError {
  constructor() {
    super({
      status: 400,
      code: 'products.invalid-cursor',
      title: 'Invalid cursor',
      detail: 'The cursor does not come from an earlier page of this list.',
    });
  }
}
