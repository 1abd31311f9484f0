import { RetryBudget } from './retry-budget';

describe('RetryBudget', () => {
  it('allows retries for a tenth of many calls, plus ten saved ones', () => {
    const budget = new RetryBudget();
    let repeated = 0;
    for (let call = 0; call < 1_000; call += 1) {
      budget.earn();
      if (budget.spend()) {
        repeated += 1;
      }
    }
    expect(repeated).toBeGreaterThanOrEqual(100);
    expect(repeated).toBeLessThanOrEqual(110);
  });

  it('saves ten retries at most, however long no call failed', () => {
    const budget = new RetryBudget();
    for (let call = 0; call < 10_000; call += 1) {
      budget.earn();
    }
    const allowed = Array.from({ length: 100 }, () => budget.spend()).filter((spent) => spent);
    expect(allowed).toHaveLength(10);
  });
});
