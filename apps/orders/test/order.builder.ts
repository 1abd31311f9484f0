import type { ProductQuote } from '@rookery/contracts';
import { uuidv7 } from '@rookery/platform';
import { Order, type OrderLine, type Placing } from '../src/order/order.entity';

export const PLACED_AT = new Date('2026-11-23T10:00:00.000Z');
export const DEADLINE_AT = new Date('2026-11-23T10:01:00.000Z');

export const aLine = (line: Partial<OrderLine> = {}): OrderLine => ({
  productId: '01890000-0000-7000-8000-000000000001',
  sku: 'NEST-1',
  name: 'Nest box',
  quantity: 2,
  unitPrice: { amountMinor: 1_999, currency: 'EUR' },
  ...line,
});

/** A Pending order of two nest boxes, whose OrderCreated is taken already. */
export function anOrder(placing: Partial<Placing> = {}): Order {
  const order = Order.place({
    id: uuidv7(),
    customerId: 'alice',
    lines: [aLine()],
    sealedPaymentToken: 'sealed',
    deadlineAt: DEADLINE_AT,
    ...placing,
  });
  order.pullRecorded();
  return order;
}

/** A product of the catalog as products quotes it. */
export const aProduct = (quote: Partial<ProductQuote> = {}): ProductQuote => ({
  productId: uuidv7(),
  sku: 'NEST-1',
  name: 'Nest box',
  unitPrice: { amountMinor: 1_999, currency: 'EUR' },
  ...quote,
});
