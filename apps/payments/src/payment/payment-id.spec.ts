import { uuidv7 } from '@rookery/platform';
import { paymentIdOf } from './payment-id';

describe('the id of a payment', () => {
  it('is always the same for one order, and differs between orders', () => {
    const [one, other] = [uuidv7(), uuidv7()];
    expect(paymentIdOf(one)).toBe(paymentIdOf(one));
    expect(paymentIdOf(one)).not.toBe(paymentIdOf(other));
  });

  it('is a UUID v7 that sorts with its order', () => {
    const orderId = uuidv7();
    expect(paymentIdOf(orderId)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(paymentIdOf(orderId).slice(0, 13)).toBe(orderId.slice(0, 13));
  });

  it('is pinned, because the provider’s idempotency keys are derived from it', () => {
    expect(paymentIdOf('01a2132f-b625-72c1-8137-d5f45b890a57')).toBe('01a2132f-b625-7730-b632-346fe0b6abdd');
  });
});
