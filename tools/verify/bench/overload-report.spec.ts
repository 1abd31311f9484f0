import { overloadReport, type OverloadResult, percentile, type Phase, phaseOf, ratiosOf } from './overload-report';

const phase = (change: Partial<Phase> = {}): Phase => ({
  offeredPerSecond: 500,
  goodput: 480,
  p50Ms: 10,
  p99Ms: 50,
  refused: 0.04,
  failed: 0,
  admitted: { product: 0.96, order: 0.96, place: 1 },
  clientLateMs: 2,
  ...change,
});
const result = (overload: Phase): OverloadResult => ({
  at: '2026-11-25T10:00:00Z',
  machine: '2 cores',
  seconds: 15,
  ownCore: true,
  search: [phase()],
  peak: [phase()],
  overload: [overload],
  peer: [phase({ goodput: 48, p99Ms: 900 })],
  orders: [phase({ goodput: 300 })],
  placed: 10,
  confirmed: 10,
});

describe('the report of the overload bench', () => {
  it('counts as goodput what was answered with success within a second', () => {
    const kinds = [
      { kind: 'product' as const, offered: 6, admitted: 3, refused: 2, failed: 1, latenciesMs: [900, 1_001, 10] },
      { kind: 'place' as const, offered: 2, admitted: 2, refused: 0, failed: 0, latenciesMs: [20, 1_000] },
    ];
    const summed = phaseOf({ kinds, clientLateMs: 3, placed: [] }, 2);
    expect(summed).toMatchObject({
      offeredPerSecond: 4,
      goodput: 2,
      p50Ms: 900,
      p99Ms: 1_001,
      refused: 0.25,
      failed: 0.125,
    });
    expect(summed.admitted).toEqual({ product: 0.5, order: Number.NaN, place: 1 });
  });

  it('takes percentiles of few figures, and none of none', () => {
    expect(percentile([1, 2, 3], 0.99)).toBe(3);
    expect(percentile([], 0.99)).toBeNaN();
  });

  it('compares medians of the rounds', () => {
    const peak = [phase({ goodput: 100 }), phase({ goodput: 400 }), phase({ goodput: 500 })];
    expect(ratiosOf(peak, [phase({ goodput: 200, p99Ms: 75 })])).toEqual({ goodput: 0.5, p99: 1.5 });
  });

  it.each([
    { what: 'both', overload: phase({ goodput: 384, p99Ms: 100 }), missed: 0 },
    { what: 'goodput', overload: phase({ goodput: 383, p99Ms: 100 }), missed: 1 },
    { what: 'latency', overload: phase({ goodput: 384, p99Ms: 101 }), missed: 1 },
  ])('says whether the promise is met: $what at its bound', ({ overload, missed }) => {
    const { markdown } = overloadReport(result(overload));
    expect(markdown.split('**missed**').length - 1).toBe(missed);
  });

  it('does not decide when the client was late itself', () => {
    const { markdown } = overloadReport(result(phase({ goodput: 1, p99Ms: 9_000, clientLateMs: 51 })));
    expect(markdown).not.toMatch(/met|missed/);
    expect(markdown).toContain('not decided');
  });
});
