import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '@rookery/devkit/stack/repository';
import type { SystemFigures } from './peers-figures';
import { complaintsAbout, ratiosOf, RecordedRatios } from './quick-judgement';

const recorded = {
  at: '2026-11-30T12:00:00.000Z',
  machine: '2 cores',
  command: 'npm run bench -- --quick --record',
  ratios: { 'orders/s, POST to Confirmed beside Nest': 1, 'CPU-seconds per 1,000 orders beside Nest': 1 },
};

/** A system of which every figure of speed is the same. */
const system = (name: string, rate: number, cpuSecondsPer1000: number | undefined): SystemFigures => ({
  name,
  what: 'one of a spec',
  orders: [{ ordersPerSecond: rate, cpuSecondsPer1000, p50Ms: 1, p99Ms: 2 }],
  kept: [rate],
  product: [rate],
  list: [rate],
  refused: 0,
  idle: undefined,
  underOrders: undefined,
});

const judged = (ordersRatio: number, cpuRatio: number): readonly string[] =>
  complaintsAbout(
    {
      'orders/s, POST to Confirmed beside Nest': ordersRatio,
      'CPU-seconds per 1,000 orders beside Nest': cpuRatio,
    },
    recorded,
  );

describe('the judgement of a quick bench', () => {
  it.each([
    { orders: 1, cpu: 1 },
    { orders: 0.51, cpu: 1.9 },
    { orders: 7, cpu: 0.1 },
  ])('takes $orders × the orders and $cpu × the CPU where both were 1 ×', ({ orders, cpu }) => {
    expect(judged(orders, cpu)).toEqual([]);
  });

  it('refuses less than half of the orders, and says what was recorded', () => {
    expect(judged(0.4, 1)).toEqual([
      'orders/s, POST to Confirmed beside Nest: 0.40 ×, 1.00 × on 2026-11-30, which is 0.40 times as good',
    ]);
  });

  it('refuses more than twice the CPU, of which less is better', () => {
    expect(judged(1, 2.5)).toEqual([
      'CPU-seconds per 1,000 orders beside Nest: 2.50 ×, 1.00 × on 2026-11-30, which is 0.40 times as good',
    ]);
  });

  it('refuses a run that did not measure what was recorded', () => {
    expect(complaintsAbout({ 'orders/s, POST to Confirmed beside Nest': 1 }, recorded)).toEqual([
      'CPU-seconds per 1,000 orders beside Nest: not measured, 1.00 × on 2026-11-30',
    ]);
  });
});

describe('the ratios of a run', () => {
  it('compare the first system with each other one', () => {
    const ratios = ratiosOf({ systems: [system('own', 50, 20), system('one', 100, 10), system('two', 25, 40)] });
    expect(ratios).toMatchObject({
      'orders/s, POST to Confirmed beside one': 0.5,
      'orders/s, POST to Confirmed beside two': 2,
      'CPU-seconds per 1,000 orders beside one': 2,
      'list of 20/s, not kept beside two': 2,
    });
  });

  it('leave out what the platform does not tell', () => {
    const names = Object.keys(ratiosOf({ systems: [system('own', 1, undefined), system('one', 1, undefined)] }));
    expect(names).toEqual([
      'orders/s, POST to Confirmed beside one',
      'one product/s, kept beside one',
      'one product/s, not kept beside one',
      'list of 20/s, not kept beside one',
    ]);
  });
});

describe('the recorded ratios', () => {
  it('name figures and peers that a quick bench measures', () => {
    const text = readFileSync(join(repository, 'tools/verify/bench/recorded-ratios.json'), 'utf8');
    const { ratios } = RecordedRatios.parse(JSON.parse(text));
    const memory = { programs: 1, all: 1 };
    const whole = (name: string): SystemFigures => ({ ...system(name, 1, 1), underOrders: memory });
    const measured = ratiosOf({ systems: [whole('Rookery'), whole('Express'), whole('plain Nest')] });
    expect(Object.keys(ratios).toSorted()).toEqual(Object.keys(measured).toSorted());
  });
});
