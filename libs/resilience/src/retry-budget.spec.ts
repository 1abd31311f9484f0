import { RetryBudget } from './retry-budget';

describe('RetryBudget', () => {
  it('lets a tenth of many calls be repeated, and ten that were saved up', () => {
    const budget = new RetryBudget();
    let repeated = 0;
    for (let call = 0; call < 1_000; call += 1) {
      budget.earn();
      if (budget.spend()) repeated += 1;
    }
    expect(repeated).toBeGreaterThanOrEqual(100);
    expect(repeated).toBeLessThanOrEqual(110);
  });

  it('saves no more than ten, however long nothing failed', () => {
    const budget = new RetryBudget();
    for (let call = 0; call < 10_000; call += 1) budget.earn();
    const allowed = Array.from({ length: 100 }, () => budget.spend()).filter((spent) => spent);
    expect(allowed).toHaveLength(10);
  });
});
