import { Progress } from '@rookery/devkit/terminal/progress';
import { WRONG_USAGE } from '@rookery/devkit/terminal/user-error';
import { runBenches } from './bench';
import { ordersReport } from './orders-bench';

describe('a bench that does not exist', () => {
  it('is wrong usage, and nothing is built or started', async () => {
    const message: unknown = expect.stringContaining('There is no bench nothing.\n  ');
    await expect(runBenches(['nothing'], new Progress(true), {})).rejects.toMatchObject({
      exitCode: WRONG_USAGE,
      message,
    });
  });
});

describe('a quick bench', () => {
  it.each([
    { names: ['relay'], options: { quick: true } },
    { names: [], options: { quick: true, against: 'HEAD' } },
  ])('is a run of its own: with $names and $options nothing is built or started', async ({ names, options }) => {
    const message: unknown = expect.stringContaining('--quick is a run of its own.');
    await expect(runBenches(names, new Progress(true), options)).rejects.toMatchObject({
      exitCode: WRONG_USAGE,
      message,
    });
  });
});

describe('the report of the orders bench', () => {
  const round = (ordersPerSecond: number, cpuSecondsPer1000: number | undefined) => ({
    ordersPerSecond,
    cpuSecondsPer1000,
    p50Ms: 100,
    p99Ms: 400,
  });
  const options = { rounds: 3, roundSeconds: 15, warmUpSeconds: 10, inFlight: 32 };

  it('compares the medians of the first system with those of the other', () => {
    const report = ordersReport('On this machine.', options, [
      { name: 'this work tree', rounds: [round(90, 10), round(30, 11), round(60, 12)] },
      { name: 'v1', rounds: [round(40, 44), round(10, 20), round(30, 22)] },
    ]);

    expect(report).toContain('| this work tree | 60.0 | 90 · 30 · 60 | 11.0 | 100 | 400 |');
    expect(report).toContain('| v1 | 30.0 (2.00 ×) | 40 · 10 · 30 | 22.0 (0.50 ×) | 100 (1.00 ×) | 400 (1.00 ×) |');
  });

  it('says where the platform does not tell the CPU-seconds', () => {
    const report = ordersReport('On this machine.', options, [{ name: 'here', rounds: [round(60, undefined)] }]);

    expect(report).toContain('| here | 60.0 | 60 | not measured | 100 | 400 |');
  });
});
