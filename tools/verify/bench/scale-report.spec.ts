import { scaleReport } from './scale-report';

describe('the report of a million orders', () => {
  it('compares what a request takes with what it takes at a thousand', () => {
    const { markdown } = scaleReport({
      at: '2026-12-01T00:00:00.000Z',
      machine: '2 cores',
      small: { orders: 1_000, products: 1_000 },
      large: { orders: 1_000_000, products: 100_000 },
      rounds: 5,
      requests: 40,
      results: [
        {
          name: 'orders',
          small: { latencyMs: 4, databaseMs: 0.5, slowestStatementMs: 1 },
          large: { latencyMs: 5, databaseMs: 0.75, slowestStatementMs: 2.34 },
        },
      ],
    });

    expect(markdown).toContain('one with 1,000,000 orders and 100,000 products');
    expect(markdown).toContain('| orders | 4.00 | 5.00 | 0.80 × | 0.50 | 0.75 | 2.3 |');
  });
});
