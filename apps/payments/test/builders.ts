import type { DataOf, OrderCreated } from '@rookery/contracts';

export const orderId = '01890a5d-ac96-774b-bcce-b302099a8057';
export const paymentId = '01890a5d-ac96-774b-bcce-b302099a8058';
export const amount = { amountMinor: 12_50, currency: 'EUR' };

/** An order as OrderCreated tells of it. */
export const anOrder = (changes: Partial<DataOf<typeof OrderCreated>> = {}): DataOf<typeof OrderCreated> => ({
  orderId,
  customerId: 'alice',
  lines: [{ productId: '01890a5d-ac96-774b-bcce-b302099a8059', quantity: 1 }],
  total: amount,
  sealedPaymentToken: 'sealed',
  ...changes,
});
