import fc from 'fast-check';
import { type OrderStatus, OrderStatuses } from '@rookery/contracts';
import { aLine, anOrder, DEADLINE_AT, PLACED_AT } from '../../test/order.builder';
import { Order } from './order.entity';
import { MixedCurrencies, OrderNotCancellable, TotalTooLarge } from './order.errors';

const BEFORE_DEADLINE = new Date(DEADLINE_AT.getTime() - 1);

/** Everything that can happen to an order. */
const inputs = {
  paymentReserved: (order: Order) => order.paymentReserved(PLACED_AT),
  paymentFailed: (order: Order) => order.paymentFailed('payment-declined'),
  stockReserved: (order: Order) => order.stockReserved(PLACED_AT),
  stockRejected: (order: Order) => order.stockRejected('out-of-stock'),
  cancel: (order: Order) => order.cancel('customer-request'),
  expireEarly: (order: Order) => order.expire(BEFORE_DEADLINE),
  expire: (order: Order) => order.expire(DEADLINE_AT),
} as const;
type Input = keyof typeof inputs;

const states = {
  fresh: () => anOrder(),
  paid: () => after('paymentReserved'),
  stocked: () => after('stockReserved'),
  confirmed: () => after('paymentReserved', 'stockReserved'),
  canceled: () => after('paymentFailed'),
} as const;
type State = keyof typeof states;

function after(...names: readonly Input[]): Order {
  const order = anOrder();
  for (const name of names) {
    inputs[name](order);
  }
  order.pullRecorded();
  return order;
}

interface Outcome {
  readonly status: OrderStatus;
  readonly reason?: string;
  readonly event?: string;
}

const pending: Outcome = { status: 'Pending' };
const confirms: Outcome = { status: 'Confirmed', event: 'OrderConfirmed' };
const cancels = (reason: string): Outcome => ({ status: 'Canceled', reason, event: 'OrderCanceled' });
const stays = (status: OrderStatus, reason?: string): Outcome => (reason ? { status, reason } : { status });

const untilReady = {
  paymentFailed: cancels('payment-declined'),
  stockRejected: cancels('out-of-stock'),
  cancel: cancels('customer-request'),
  expireEarly: pending,
  expire: cancels('deadline-exceeded'),
};
const confirmed = stays('Confirmed');
const canceled = stays('Canceled', 'payment-declined');
const always = (outcome: Outcome) => ({
  paymentReserved: outcome,
  paymentFailed: outcome,
  stockReserved: outcome,
  stockRejected: outcome,
  expireEarly: outcome,
  expire: outcome,
  cancel: 'refused' as const,
});

const matrix: Readonly<Record<State, Readonly<Record<Input, Outcome | 'refused'>>>> = {
  fresh: { ...untilReady, paymentReserved: pending, stockReserved: pending },
  paid: { ...untilReady, paymentReserved: pending, stockReserved: confirms },
  stocked: { ...untilReady, paymentReserved: confirms, stockReserved: pending },
  confirmed: always(confirmed),
  canceled: always(canceled),
};

const cases = Object.entries(states).flatMap(([state, build]) =>
  Object.entries(inputs).map(([input, apply]) => ({ state, input, build, apply })),
);

function expected(state: string, input: string): Outcome | 'refused' {
  const row: Readonly<Record<string, Outcome | 'refused'>> | undefined = Object.entries(matrix).find(
    ([name]) => name === state,
  )?.[1];
  const outcome = row?.[input];
  if (!outcome) {
    throw new Error(`the matrix has no ${state} x ${input}`);
  }
  return outcome;
}

const outcomeOf = (order: Order): Outcome => {
  const [event] = order.recorded();
  return {
    status: order.status,
    ...(order.reason === null ? {} : { reason: order.reason }),
    ...(event ? { event: event.contract.name } : {}),
  };
};

describe('an order', () => {
  it.each(cases)('in state $state reacts to $input as in the matrix', ({ state, input, build, apply }) => {
    const order = build();
    const outcome = expected(state, input);
    if (outcome === 'refused') {
      const before = outcomeOf(order);
      expect(() => apply(order)).toThrow(OrderNotCancellable);
      expect(outcomeOf(order)).toEqual(before);
      return;
    }
    apply(order);
    expect(outcomeOf(order)).toEqual(outcome);
    expect(order.recorded().length).toBeLessThanOrEqual(1);
  });

  it('never changes a terminal status, whatever arrives in whatever order and however often', () => {
    const anyInput = fc.constantFrom<Input>(
      'paymentReserved',
      'paymentFailed',
      'stockReserved',
      'stockRejected',
      'cancel',
      'expire',
    );
    fc.assert(
      fc.property(fc.array(anyInput, { maxLength: 12 }), (sequence) => {
        const order = anOrder();
        let end: Outcome | null = null;
        for (const name of sequence) {
          try {
            inputs[name](order);
          } catch (error) {
            if (!(error instanceof OrderNotCancellable)) {
              throw error;
            }
          }
          if (end) {
            expect(outcomeOf(order)).toEqual(end);
          }
          if (order.isTerminal) {
            end ??= outcomeOf(order);
          }
        }
        // One end, told once; and a confirmed order has both its funds and its stock.
        expect(order.recorded()).toHaveLength(order.isTerminal ? 1 : 0);
        expect(OrderStatuses).toContain(order.status);
        if (order.status === 'Confirmed') {
          expect(sequence).toEqual(expect.arrayContaining(['paymentReserved', 'stockReserved']));
        }
      }),
    );
  });

  it.each([
    { first: 'paymentReserved', second: 'stockReserved' },
    { first: 'stockReserved', second: 'paymentReserved' },
  ] as const)('confirms when $first comes before $second', ({ first, second }) => {
    expect(after(first, second).status).toBe('Confirmed');
  });

  it('publishes in OrderCreated what payments and products need', () => {
    const line = aLine();
    const order = Order.place({
      id: line.productId,
      customerId: 'alice',
      lines: [line],
      sealedPaymentToken: 'sealed',
      deadlineAt: DEADLINE_AT,
    });
    expect(order.recorded()).toEqual([
      expect.objectContaining({
        sequence: 1,
        aggregateId: order.id,
        data: {
          orderId: order.id,
          customerId: 'alice',
          lines: [{ productId: line.productId, quantity: 2 }],
          total: { amountMinor: 3_998, currency: 'EUR' },
          sealedPaymentToken: 'sealed',
        },
      }),
    ]);
  });

  it('accepts a total of exactly 2^53-1 minor units and refuses one more', () => {
    const dearest = (amountMinor: number, quantity: number) =>
      aLine({ quantity, unitPrice: { amountMinor, currency: 'EUR' } });
    // 9007 x 10^12 and the rest up to 2^53-1.
    const largest = [dearest(1_000_000_000_000, 9_007), dearest(199_254_740_991, 1)];
    expect(anOrder({ lines: largest }).totalMinor).toBe(Number.MAX_SAFE_INTEGER);
    expect(() => anOrder({ lines: [...largest, dearest(1, 1)] })).toThrow(TotalTooLarge);
  });

  it('refuses lines of two currencies', () => {
    const lines = [aLine(), aLine({ unitPrice: { amountMinor: 100, currency: 'USD' } })];
    expect(() => anOrder({ lines })).toThrow(MixedCurrencies);
  });
});
