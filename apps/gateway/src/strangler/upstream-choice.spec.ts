import { chooseUpstream } from './upstream-choice';

const subjects = Array.from({ length: 10_000 }, (_, index) => `user:subject-${index}`);

/** The subjects that the legacy system serves at a percentage. */
const onLegacy = (legacyPercent: number, prefix = '/v1/products'): ReadonlySet<string> =>
  new Set(
    subjects.filter(
      (subject) => chooseUpstream({ prefix, legacyPercent, choiceByHeader: false }, subject, undefined) === 'legacy',
    ),
  );

describe('the split of a prefix', () => {
  it.each([0, 1, 25, 60, 99, 100])('is within four standard deviations of %i %%', (percent) => {
    const expected = subjects.length * (percent / 100);
    const deviation = Math.sqrt(expected * (1 - percent / 100));
    expect(Math.abs(onLegacy(percent).size - expected)).toBeLessThanOrEqual(4 * deviation);
  });

  it('moves every subject at most once while the percentage goes down', () => {
    const steps = [100, 60, 25, 10, 1, 0].map((percent) => onLegacy(percent));
    for (const [index, after] of steps.slice(1).entries()) {
      expect([...after].filter((subject) => steps[index]?.has(subject) !== true)).toEqual([]);
    }
  });

  it('chooses anew for another prefix, so that the same subjects do not always move first', () => {
    const orders = onLegacy(50, '/v1/orders');
    const both = [...onLegacy(50)].filter((subject) => orders.has(subject)).length;
    expect(Math.abs(both - 2_500)).toBeLessThan(200);
  });
});
