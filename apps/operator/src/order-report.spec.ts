import type { OrderDiagnosis } from '@rookery/contracts';
import { orderReport } from './order-report';

const AT = '2026-11-25T10:00:00.000Z';

const diagnosis: OrderDiagnosis = {
  id: '01a20660-dcef-7621-b1a2-c4e3685387f6',
  waitsFor: 'payments is not answering: whether it has taken OrderCreated is unknown',
  order: {
    status: 'Pending',
    reason: null,
    createdAt: AT,
    updatedAt: AT,
    deadlineAt: '2026-11-25T10:01:00.000Z',
    paymentReservedAt: null,
    stockReservedAt: null,
  },
  payment: null,
  reservation: null,
  services: [
    { service: 'orders', answered: true, problem: null },
    { service: 'payments', answered: false, problem: 'unavailable' },
    { service: 'products', answered: true, problem: null },
  ],
  timeline: [
    {
      event: 'OrderCreated',
      service: 'orders',
      eventId: null,
      at: AT,
      attempt: 1,
      causationId: null,
      traceId: null,
      publication: 'published',
      publishedAt: null,
      consumers: [
        { service: 'payments', state: 'unknown', at: null },
        { service: 'products', state: 'pruned', at: null },
      ],
    },
  ],
  deadLetters: { items: [], complete: false },
};

describe('the report of an order', () => {
  it('begins with the status of the order and what it waits for', () => {
    expect(orderReport(diagnosis).slice(0, 2)).toEqual([
      `Order ${diagnosis.id}: Pending since ${AT}, deadline 2026-11-25T10:01:00.000Z`,
      'waits for: payments is not answering: whether it has taken OrderCreated is unknown',
    ]);
  });

  it('marks as unknown what no service told, and names the service', () => {
    const text = orderReport(diagnosis).join('\n');
    expect(text).toMatch(/OrderCreated +orders +published \(time no longer known\)/);
    expect(text).toMatch(/payments +unknown$/m);
    expect(text).toMatch(/products +unknown \(pruned\)$/m);
    expect(text).toContain('Payment: unknown');
    expect(text).toContain('Stock: no reservation yet');
    expect(text).toContain('Dead letters: not all could be searched');
    expect(text).toContain('payments is not answering (unavailable)');
  });

  it('tells in words where money and stock are, and what happens to them next', () => {
    const reservation = { status: 'Awaiting', linesKnown: true, paid: false, createdAt: AT, updatedAt: AT } as const;
    const attempt = { operation: 'capture', tries: 1, startedAt: AT, finishedAt: AT, outcome: 'unknown' } as const;
    const payment = {
      id: diagnosis.id,
      status: 'Reserved',
      purpose: 'take',
      amount: { amountMinor: 100, currency: 'EUR' },
      operation: 'capture',
      operationDueAt: AT,
      createdAt: AT,
      updatedAt: AT,
      attempts: [attempt, { ...attempt, tries: 2, finishedAt: null, outcome: null }],
    } as const;
    const text = orderReport({
      ...diagnosis,
      payment: { ...payment, attempts: [...payment.attempts] },
      reservation,
    }).join('\n');
    expect(text).toContain(
      `Payment: the money is reserved (Reserved); the order wants it captured; the provider will be asked to capture the money at ${AT}`,
    );
    expect(text).toContain(`asked to capture the money at ${AT}, try 1: no answer by ${AT}`);
    expect(text).toContain(`asked to capture the money at ${AT}, try 2: no answer yet`);
    expect(text).toContain('Stock: nothing held yet (Awaiting): products does not know yet that it is paid');
  });
});
