import fc from 'fast-check';
import type { ProviderOperation } from '@rookery/contracts';
import { amount, anOrder, orderId, paymentId } from '../../test/builders';
import { Payment, type PaymentOutcome } from './payment.entity';
import { PaymentContradicted } from './payment.errors';
import { MAX_AUTHORIZATION_TRIES } from './retry-schedule';

const now = new Date('2026-11-23T00:00:00Z');

/** A provider as two numbers, and the worker's turn: ask what is due, apply the answer. */
class Bank {
  readonly payment = Payment.open(paymentId, orderId);
  held = 0;
  taken = 0;
  calls: ProviderOperation[] = [];

  constructor(private readonly declines = false) {}

  created = () => this.payment.initiate(anOrder(), null, now);
  confirmed = () => this.payment.want('take', null, now);
  canceled = () => this.payment.want('return', null, now);

  /** A call whose answer comes back. */
  worked = () => {
    const { operation } = this.payment;
    if (operation) {
      this.payment.settle(operation, this.perform(operation), now);
    }
  };

  /** A call that had its effect and whose answer was lost: the next try has the same key and no second effect. */
  lost = () => {
    const { operation } = this.payment;
    if (!operation) {
      return;
    }
    this.payment.operationTries += 1;
    if (this.payment.operationTries < MAX_AUTHORIZATION_TRIES) {
      this.perform(operation);
    }
    this.payment.postpone(operation, now);
  };

  drain = () => {
    while (this.payment.operation) {
      this.worked();
    }
  };

  events = () => this.payment.recorded().map(({ contract }) => contract.name);

  private perform(operation: ProviderOperation): PaymentOutcome {
    const repeated = this.calls.includes(operation);
    this.calls.push(operation);
    const total = amount.amountMinor;
    switch (operation) {
      case 'authorize':
        if (this.declines) {
          return { kind: 'declined', reason: 'payment-declined' };
        }
        if (!repeated) {
          this.held += total;
        }
        return { kind: 'authorized' };
      case 'capture':
        if (!repeated) {
          this.held -= total;
          this.taken += total;
        }
        return { kind: 'captured' };
      case 'void':
        this.held = 0;
        return { kind: 'voided' };
      case 'refund':
        if (!repeated) {
          this.taken -= total;
        }
        return { kind: 'refunded' };
    }
  }
}

describe('a payment', () => {
  it('stores the due authorization before the provider is called', () => {
    const bank = new Bank();
    bank.created();
    expect(bank.payment).toMatchObject({ status: 'Authorizing', operation: 'authorize', operationDueAt: now });
    expect(bank.events()).toEqual([]);
  });

  it('is captured once the order is confirmed', () => {
    const bank = new Bank();
    bank.created();
    bank.drain();
    expect(bank.payment.status).toBe('Reserved');
    bank.confirmed();
    bank.drain();
    expect(bank.payment.status).toBe('Captured');
    expect(bank.events()).toEqual(['PaymentReserved', 'PaymentCaptured']);
  });

  it('is released once the order is canceled', () => {
    const bank = new Bank();
    bank.created();
    bank.drain();
    bank.canceled();
    bank.drain();
    expect(bank.payment.status).toBe('Released');
    expect(bank.events()).toEqual(['PaymentReserved', 'PaymentReleased']);
  });

  it('gives back the money of an authorization that succeeds after the cancellation', () => {
    const bank = new Bank();
    bank.created();
    bank.canceled();
    expect(bank.payment.operation).toBe('authorize');
    bank.drain();
    expect(bank.payment.status).toBe('Released');
    expect(bank).toMatchObject({ held: 0, taken: 0 });
  });

  it('authorizes nothing for an order whose cancellation arrives first', () => {
    const bank = new Bank();
    bank.canceled();
    bank.created();
    bank.drain();
    expect(bank.calls).toEqual([]);
    expect(bank.payment.status).toBe('Withdrawn');
    expect(bank.payment.sealedToken).toBeNull();
  });

  it('does nothing when the order of a failed payment is canceled', () => {
    const bank = new Bank(true);
    bank.created();
    bank.drain();
    bank.canceled();
    bank.drain();
    expect(bank.calls).toEqual(['authorize']);
    expect(bank.events()).toEqual(['PaymentFailed']);
  });

  it('deletes the sealed token as soon as the authorization has an outcome', () => {
    const bank = new Bank();
    bank.created();
    expect(bank.payment.sealedToken).toBe('sealed');
    bank.drain();
    expect(bank.payment.sealedToken).toBeNull();
  });

  it('abandons an unanswered authorization by voiding it, and fails with payment-error', () => {
    const bank = new Bank();
    bank.created();
    for (let tries = 0; tries < MAX_AUTHORIZATION_TRIES; tries += 1) {
      bank.lost();
    }
    expect(bank.payment).toMatchObject({ status: 'Abandoning', operation: 'void' });
    bank.drain();
    expect(bank.payment.status).toBe('Failed');
    expect(bank.payment.recorded().map(({ data }) => data)).toEqual([
      { orderId, paymentId, amount, reason: 'payment-error' },
    ]);
    expect(bank).toMatchObject({ held: 0, taken: 0 });
  });

  it('retries a capture until it succeeds', () => {
    const bank = new Bank();
    bank.created();
    bank.drain();
    bank.confirmed();
    for (let tries = 0; tries < 50; tries += 1) {
      bank.lost();
    }
    expect(bank.payment).toMatchObject({ status: 'Reserved', operation: 'capture' });
    bank.drain();
    expect(bank.payment.status).toBe('Captured');
  });

  it('applies a repeated answer once', () => {
    const bank = new Bank();
    bank.created();
    bank.payment.settle('authorize', { kind: 'authorized' }, now);
    bank.payment.settle('authorize', { kind: 'authorized' }, now);
    bank.payment.postpone('authorize', now);
    expect(bank.events()).toEqual(['PaymentReserved']);
    expect(bank.payment).toMatchObject({ status: 'Reserved', operation: null, operationDueAt: null });
  });

  it('refuses an impossible answer', () => {
    const bank = new Bank();
    bank.created();
    expect(() => bank.payment.settle('authorize', { kind: 'refunded' }, now)).toThrow(PaymentContradicted);
  });

  const step = fc.constantFrom('created', 'worked', 'lost');

  it('keeps I3 and I9 for a canceled order, whatever the order, repetition and loss of its events and answers', () => {
    const steps = fc.array(fc.oneof(step, fc.constant('canceled' as const)), { maxLength: 20 });
    fc.assert(
      fc.property(steps, fc.boolean(), (history, declines) => {
        const bank = new Bank(declines);
        for (const happened of [...history, 'canceled', 'created'] as const) {
          bank[happened]();
        }
        bank.drain();
        expect(bank).toMatchObject({ held: 0, taken: 0 });
        expect(['Withdrawn', 'Failed', 'Released']).toContain(bank.payment.status);
      }),
    );
  });

  it('takes the money of a confirmed order exactly once, whatever the repetition and loss of its events and answers', () => {
    const steps = fc.array(fc.oneof(step, fc.constant('confirmed' as const)), { maxLength: 20 });
    fc.assert(
      fc.property(steps, (history) => {
        const bank = new Bank();
        bank.created();
        bank.worked();
        for (const happened of [...history, 'confirmed'] as const) {
          bank[happened]();
        }
        bank.drain();
        expect(bank).toMatchObject({ held: 0, taken: amount.amountMinor });
        expect(bank.events()).toEqual(['PaymentReserved', 'PaymentCaptured']);
      }),
    );
  });
});
