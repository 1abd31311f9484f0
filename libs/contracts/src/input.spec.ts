import { Currency, Money } from './money';
import { PlaceOrder } from './orders';
import { PageLimit } from './page';
import { Text } from './primitives';
import { ChangeProduct, CreateProduct, ListProducts } from './products';

const PRODUCT_ID = '0198f0a0-0000-7000-8000-000000000001';
const line = { productId: PRODUCT_ID, quantity: 1 };

describe('PlaceOrder', () => {
  it('takes lines and a payment token', () => {
    expect(PlaceOrder.parse({ lines: [line], paymentToken: 'tok_ok' })).toEqual({
      lines: [line],
      paymentToken: 'tok_ok',
    });
  });

  it.each([-1, 0, 1.5, Infinity, '2', 2 ** 53 + 1, null, true, 10_001])('refuses the quantity %p', (quantity) => {
    expect(PlaceOrder.safeParse({ lines: [{ productId: PRODUCT_ID, quantity }], paymentToken: 'tok_ok' }).success).toBe(
      false,
    );
  });

  it.each(['status', 'price', 'customer', 'total'])(
    'refuses the field %s, which is not the client’s to set',
    (field) => {
      expect(PlaceOrder.safeParse({ lines: [line], paymentToken: 'tok_ok', [field]: 1 }).success).toBe(false);
    },
  );

  it('refuses no lines, too many lines and a product named twice', () => {
    const many = Array.from({ length: 101 }, (_, index) => ({
      productId: `0198f0a0-0000-7000-8000-${index.toString().padStart(12, '0')}`,
      quantity: 1,
    }));
    for (const lines of [[], many, [line, { productId: PRODUCT_ID.toUpperCase(), quantity: 1 }]]) {
      expect(PlaceOrder.safeParse({ lines, paymentToken: 'tok_ok' }).success).toBe(false);
    }
  });

  it.each(['4111111111111111', 'tok_', 'tok_OK', '', 'tok_a b'])('refuses %p as a payment token', (paymentToken) => {
    expect(PlaceOrder.safeParse({ lines: [line], paymentToken }).success).toBe(false);
  });
});

describe('the total that a customer expects', () => {
  it('may be left out', () => {
    expect(PlaceOrder.parse({ lines: [line], paymentToken: 'tok_ok' })).not.toHaveProperty('expectedTotal');
  });

  it.each([
    1,
    '1',
    { amountMinor: 1 },
    { amountMinor: -1, currency: 'EUR' },
    { amountMinor: 1.5, currency: 'EUR' },
    null,
  ])('is not %j', (expectedTotal) => {
    expect(PlaceOrder.safeParse({ lines: [line], paymentToken: 'tok_ok', expectedTotal }).success).toBe(false);
  });

  it('has nothing beside amount and currency', () => {
    const expectedTotal = { amountMinor: 1, currency: 'EUR', discount: 1 };
    expect(PlaceOrder.safeParse({ lines: [line], paymentToken: 'tok_ok', expectedTotal }).success).toBe(false);
  });
});

describe('text', () => {
  it.each(['a\u0000b', '\ud800', 'x\udfff', ' a', 'a ', ''])(
    'refuses %j, which a store or a reader would stumble over',
    (value) => {
      expect(Text(10).safeParse(value).success).toBe(false);
    },
  );

  it('counts up to its limit', () => {
    expect(Text(3).safeParse('abc').success).toBe(true);
    expect(Text(3).safeParse('abcd').success).toBe(false);
  });
});

describe('money', () => {
  it.each([1.5, -1, 2 ** 53, '1'])('refuses the amount %p', (amountMinor) => {
    expect(Money.safeParse({ amountMinor, currency: 'EUR' }).success).toBe(false);
  });

  it.each(['eur', 'EURO', 'ZZZ', 'E1R', 'HRK'])('refuses the currency %p in a price that somebody sets', (currency) => {
    const price = { amountMinor: 1, currency };
    expect(Currency.safeParse(currency).success).toBe(false);
    expect(CreateProduct.safeParse({ sku: 'A-1', name: 'A', price }).success).toBe(false);
    expect(ChangeProduct.safeParse({ price }).success).toBe(false);
  });
});

describe('paging', () => {
  it.each(['0', '-1', '101', '1000000000', '1.0', '', 'ten', '1e2'])('refuses the limit %p', (limit) => {
    expect(PageLimit.safeParse(limit).success).toBe(false);
  });

  it('reads 1 and 100 and defaults to 20', () => {
    expect(PageLimit.parse('1')).toBe(1);
    expect(PageLimit.parse('100')).toBe(100);
    expect(ListProducts.parse({}).limit).toBe(20);
  });

  it.each([{ sort: 'name;drop table product' }, { sort: 'id' }, { cursor: "' or 1=1" }, { unknown: '1' }])(
    'refuses %j',
    (query) => {
      expect(ListProducts.safeParse(query).success).toBe(false);
    },
  );
});

describe('products', () => {
  it('refuses a change that changes nothing', () => {
    expect(ChangeProduct.safeParse({}).success).toBe(false);
  });

  it('refuses a price as a float and a stock below zero', () => {
    const product = { sku: 'A-1', name: 'A', price: { amountMinor: 100, currency: 'EUR' } };
    expect(CreateProduct.safeParse(product).success).toBe(true);
    expect(CreateProduct.safeParse({ ...product, price: 1.99 }).success).toBe(false);
    expect(CreateProduct.safeParse({ ...product, stock: -1 }).success).toBe(false);
  });
});
