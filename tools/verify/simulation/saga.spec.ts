import { jest } from '@jest/globals';
import fc, { type RunDetails } from 'fast-check';
import { configureLogger } from '@rookery/platform';
import { productName } from './circumstances';
import { mutants } from './mutants';
import { Play } from './play';
import { aScenario, type Drawn, type Scenario } from './scenario';

const RUNS = 400;

type Rest = Omit<Scenario, keyof Drawn>;

type Found = RunDetails<[Drawn]>;

/** The smallest scenario that breaks what is looked for; none when so many tries break nothing of it. */
const search = (rest: Rest, numRuns: number, isLookedFor: (broken: string) => boolean): Promise<Found> =>
  fc.check(
    fc.asyncProperty(aScenario, async (drawn) => {
      const { broken } = await Play.of({ ...drawn, ...rest });
      return !broken.some(isLookedFor);
    }),
    { numRuns },
  );

/** A counterexample for people: its shrunk schedule as a story, and what it broke. Empty when there is none. */
async function story({ counterexample, seed, counterexamplePath }: Found, rest: Rest): Promise<string> {
  if (!counterexample) {
    return '';
  }
  const [drawn] = counterexample;
  const { broken, log } = await Play.of({ ...drawn, ...rest });
  return [
    `${drawn.units.map((units, index) => `${units} ${productName(index)}`).join(' and ')} in stock`,
    ...log.map((what, index) => `${index + 1}. ${what}`),
    ...broken.map((what) => `✗ ${what}`),
    `again with { seed: ${seed}, path: '${counterexamplePath}' }`,
  ].join('\n');
}

describe('the saga, whatever is delivered twice, late, again or in another order, and wherever a service crashes', () => {
  beforeAll(() => {
    configureLogger('saga', 'silent');
    // The schedule alone decides: no chance of anybody's own, and no clock but the simulated one.
    jest.spyOn(Math, 'random').mockReturnValue(0.5);
    jest.spyOn(AbortSignal, 'timeout').mockImplementation(() => new AbortController().signal);
  });
  afterAll(() => void jest.restoreAllMocks());

  it('keeps I1 and I3-I9 while the events of each aggregate keep their order', async () => {
    const rest = { ordered: true };
    expect(await story(await search(rest, RUNS, () => true), rest)).toBe('');
  });

  it('keeps money, stock and everything but I7 even when the events of an aggregate overtake each other', async () => {
    const rest = { ordered: false };
    expect(await story(await search(rest, RUNS, (broken) => !broken.startsWith('I7')), rest)).toBe('');
  });

  it.each(mutants)('would not do so with $name: breaks $breaks', async ({ parts = {}, ordered = true, breaks }) => {
    const rest = { ordered, mutant: parts };
    const told = await story(await search(rest, RUNS, (broken) => broken.startsWith(breaks)), rest);
    expect(told).toContain(`✗ ${breaks}`);
  });
});
