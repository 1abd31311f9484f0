import fc from 'fast-check';
import { judgeReservation, type StockLevel } from './stock-decision';

const levels = new Map<string, StockLevel>([
  ['plenty', { available: 10, archived: false }],
  ['last', { available: 1, archived: false }],
  ['archived', { available: 10, archived: true }],
]);
const line = (productId: string, quantity: number) => ({ productId, quantity });

describe('the decision about an order’s lines', () => {
  it('reserves when each line is available, down to the last unit', () => {
    expect(judgeReservation([line('plenty', 10), line('last', 1)], levels)).toEqual({ kind: 'reserved' });
  });

  it('rejects the whole order for one line that is short', () => {
    const decision = judgeReservation([line('plenty', 1), line('last', 2)], levels);
    expect(decision).toEqual({ kind: 'rejected', reason: 'out-of-stock', productId: 'last' });
  });

  it.each(['archived', 'unknown'])('rejects an order for an %s product', (productId) => {
    const decision = judgeReservation([line(productId, 1)], levels);
    expect(decision).toEqual({ kind: 'rejected', reason: 'product-unavailable', productId });
  });

  it('reserves exactly when no line wants more than there is', () => {
    const wanted = fc.uniqueArray(
      fc.record({
        productId: fc.constantFrom('plenty', 'last', 'archived', 'unknown'),
        quantity: fc.integer({ min: 1, max: 12 }),
      }),
      { minLength: 1, selector: ({ productId }) => productId },
    );
    fc.assert(
      fc.property(wanted, (lines) => {
        const possible = lines.every(({ productId, quantity }) => {
          const level = levels.get(productId);
          return level !== undefined && !level.archived && quantity <= level.available;
        });
        expect(judgeReservation(lines, levels).kind).toBe(possible ? 'reserved' : 'rejected');
      }),
    );
  });
});
