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

/** Minor units of two currencies are not comparable. */
export class PricesNotComparable extends DomainError {
  constructor() {
    super({
      status: 400,
      code: 'products.prices-not-comparable',
      title: 'Prices not comparable',
      detail: 'The catalog has prices in several currencies: name one of them with `currency` to sort by price.',
      errors: [{ pointer: '#/query/currency', detail: 'is needed to sort by price' }],
    });
  }
}
