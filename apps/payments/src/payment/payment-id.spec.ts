import { uuidv7 } from '@rookery/platform';
import { paymentIdOf } from './payment-id';

describe('the id of a payment', () => {
  it('is the same each time its order is heard of, and another for another order', () => {
    const [one, other] = [uuidv7(), uuidv7()];
    expect(paymentIdOf(one)).toBe(paymentIdOf(one));
    expect(paymentIdOf(one)).not.toBe(paymentIdOf(other));
  });

  it('stays what it was in earlier releases, whose charges it must find', () => {
    expect(paymentIdOf('01a2132f-b625-72c1-8137-d5f45b890a57')).toBe('b9df2761-4f4c-5d16-924b-3e3a82e2f392');
  });
});
