import { memoryReport, type MemoryRound } from './memory-report';

const memory = (resident: number) => ({ resident, proportional: resident / 2, privateDirty: resident / 4 });
const round = (mib: number, ms: number): MemoryRound => ({
  npmStartMs: 10 * ms,
  ordersPerSecond: 40,
  apps: [
    { app: 'orders', idle: memory(mib), underOrders: memory(2 * mib), main: { ms, cpuMs: ms / 2 } },
    { app: 'payments', idle: memory(mib + 100), underOrders: memory(2 * mib + 100), main: { ms: 3 * ms, cpuMs: ms } },
  ],
});
const options = { rounds: 3, idleSeconds: 20, orderSeconds: 30, inFlight: 32 };

describe('the report of the memory bench', () => {
  const report = memoryReport('On this machine.', options, [
    { name: 'this work tree', rounds: [round(60, 300), round(40, 100), round(50, 200)] },
    { name: 'v1', rounds: [round(90, 400), round(100, 300), round(110, 500)] },
  ]);
  const tableOf = (title: string): readonly string[] =>
    report.split(`## ${title}`)[1]?.split('\n## ')[0]?.split('\n') ?? [];

  it('has the median of each app and of all, beside those of the other system and the ratios', () => {
    expect(tableOf('Idle, 20 s after readiness: resident')).toEqual(
      expect.arrayContaining([
        '| orders | 50 | 100 (0.50 ×) |',
        '| payments | 150 | 200 (0.75 ×) |',
        '| **all five** | 200 | 300 (0.67 ×) |',
      ]),
    );
    expect(tableOf('Under orders, the most in 30 s with 32 in flight: proportional')).toContain(
      '| **all five** | 150 | 250 (0.60 ×) |',
    );
  });

  it('has the starts', () => {
    expect(tableOf('From `node main.js` to readiness, ms')).toContain('| payments | 600 | 1,200 (0.50 ×) |');
    expect(tableOf('From `node main.js` to readiness: CPU')).toContain('| orders | 100 | 200 (0.50 ×) |');
    expect(tableOf('Beside it')).toContain('| warm `npm start` to readiness, ms | 2,000 | 4,000 (0.50 ×) |');
  });

  it('says what the platform does not tell', () => {
    const one = memoryReport('Elsewhere.', options, [{ name: 'here', rounds: [round(Number.NaN, 100)] }]);
    expect(one).toContain('| orders | not measured |');
  });
});
