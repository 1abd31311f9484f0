import fc from 'fast-check';
import { judgeReservation, type StockLine } from '../stock/stock-decision';
import { Reservation } from './reservation.entity';
import { ReservationContradicted } from './reservation.errors';

const ORDER_ID = '01890a5d-ac96-774b-bcce-b302099a8057';
const PRODUCT_ID = '01890a5d-ac96-774b-bcce-b302099a8058';
const lines: readonly StockLine[] = [{ productId: PRODUCT_ID, quantity: 2 }];

/** The service's steps with the stock as three numbers. */
class Shop {
  readonly reservation = Reservation.open(ORDER_ID);
  reserved = 0;
  sold = 0;

  constructor(public available: number) {}

  created = () => {
    this.reservation.keepLines(lines);
    this.reserve();
  };

  paid = () => {
    this.reservation.markPaid();
    this.reserve();
  };

  confirmed = () => {
    const units = unitsOf(this.reservation.ship());
    this.reserved -= units;
    this.sold += units;
  };

  canceled = () => {
    const units = unitsOf(this.reservation.release());
    this.reserved -= units;
    this.available += units;
  };

  events = () => this.reservation.recorded().map(({ contract }) => contract.name);

  private reserve(): void {
    const due = this.reservation.linesToReserve();
    if (due.length === 0) {
      return;
    }
    const decision = judgeReservation(due, new Map([[PRODUCT_ID, { available: this.available, archived: false }]]));
    if (decision.kind === 'reserved') {
      this.available -= unitsOf(due);
      this.reserved += unitsOf(due);
    }
    this.reservation.settle(decision);
  }
}

const unitsOf = (moved: readonly StockLine[]) => moved.reduce((sum, { quantity }) => sum + quantity, 0);

describe('a reservation', () => {
  it.each([
    ['the order before the payment', ['created', 'paid']],
    ['the payment before the order', ['paid', 'created']],
  ] as const)('is made once both are known: %s', (_, steps) => {
    const shop = new Shop(5);
    for (const step of steps) {
      shop[step]();
    }
    expect(shop.events()).toEqual(['StockReserved']);
    expect(shop.reservation.status).toBe('Reserved');
  });

  it('holds nothing for an unpaid order', () => {
    const shop = new Shop(5);
    shop.created();
    expect(shop.events()).toEqual([]);
  });

  it('holds nothing for a payment that arrives after the cancellation', () => {
    const shop = new Shop(5);
    shop.created();
    shop.canceled();
    shop.paid();
    expect(shop).toMatchObject({ available: 5, reserved: 0, sold: 0 });
    expect(shop.events()).toEqual([]);
  });

  it('is rejected naming the product that is short', () => {
    const shop = new Shop(1);
    shop.created();
    shop.paid();
    expect(shop.reservation.recorded().map(({ data }) => data)).toEqual([
      { orderId: ORDER_ID, reason: 'out-of-stock', productId: PRODUCT_ID },
    ]);
  });

  it('records what it gave back', () => {
    const shop = new Shop(5);
    shop.created();
    shop.paid();
    shop.canceled();
    expect(shop.events()).toEqual(['StockReserved', 'StockReleased']);
    expect(shop).toMatchObject({ available: 5, reserved: 0 });
  });

  it('refuses to ship what is not reserved', () => {
    const shop = new Shop(5);
    shop.created();
    expect(() => shop.confirmed()).toThrow(ReservationContradicted);
  });

  it('refuses to give back what was shipped', () => {
    const shop = new Shop(5);
    shop.created();
    shop.paid();
    shop.confirmed();
    expect(() => shop.canceled()).toThrow(ReservationContradicted);
  });

  it('keeps I4 and ends with nothing reserved, whatever the order and repetition of a canceled order’s events', () => {
    const history = fc.array(fc.constantFrom('created', 'paid', 'canceled'), { maxLength: 12 });
    fc.assert(
      fc.property(history, fc.integer({ min: 0, max: 4 }), (steps, initial) => {
        const shop = new Shop(initial);
        for (const step of [...steps, 'canceled'] as const) {
          shop[step]();
          expect(shop.available).toBeGreaterThanOrEqual(0);
          expect(shop.available + shop.reserved + shop.sold).toBe(initial);
        }
        expect(shop).toMatchObject({ available: initial, reserved: 0, sold: 0 });
      }),
    );
  });

  it('sells a confirmed order once, whatever the order and repetition of its events', () => {
    const before = fc.shuffledSubarray(['created', 'paid', 'created', 'paid'] as const, { minLength: 4 });
    const after = fc.array(fc.constantFrom('created', 'paid', 'confirmed'), { maxLength: 8 });
    fc.assert(
      fc.property(before, after, (first, repeated) => {
        const shop = new Shop(5);
        for (const step of [...first, 'confirmed', ...repeated] as const) {
          shop[step]();
        }
        expect(shop).toMatchObject({ available: 3, reserved: 0, sold: 2 });
        expect(shop.events()).toEqual(['StockReserved']);
      }),
    );
  });
});
