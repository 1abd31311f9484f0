import { Random } from '@rookery/devkit/client/random';
import { buildApps } from '@rookery/devkit/stack/build';
import { Progress } from '@rookery/devkit/terminal/progress';
import { LENIENCY } from '@rookery/testing';
import { faultsNamed } from './faults/faults';
import { buildMutant, mutants } from './mutants';
import { markdownOf } from './report';
import { runChaos } from './run';

const short = { seed: 20, rate: 10, progress: new Progress(true) };

/** Broken states that tell most. Other suites share the machine, so what takes a fixed time is left to the command. */
const TELLING = [
  'crash-before-publish',
  'crash-before-mark',
  'service-crash',
  'connection-reset',
  'broker-crash',
  'database-crash',
  'redelivery',
  'poison',
] as const;

/** Never reached: each wait in a run has a limit of its own, which ends in a violation or an error with a name. */
const RUN_MS = 1_800_000;

describe('a chaos run', () => {
  beforeAll(async () => {
    if (process.env['ROOKERY_BUILT'] === undefined) {
      await buildApps();
    }
  });

  it(
    'finds every invariant kept while processes, database, broker and connections are killed and events come again shuffled',
    async () => {
      const result = await runChaos({
        ...short,
        seconds: 45,
        everyFault: true,
        leniency: LENIENCY,
        faults: faultsNamed(TELLING),
      });
      expect(result.violations).toEqual([]);
      // A fault that found nothing to break proves nothing.
      const met = result.faults.filter(({ missed }) => missed !== true).map(({ name }) => name);
      expect(TELLING.filter((name) => !met.includes(name))).toEqual([]);
      expect(Object.values(result.orders).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
      expect(markdownOf(result)).toContain('No violation of I1-I12.');
    },
    RUN_MS,
  );

  it(
    'reports a violation when the inbox is taken out',
    async () => {
      const mutant = mutants.find(({ name }) => name === 'no-inbox');
      if (mutant === undefined) {
        throw new Error('the mutant is gone');
      }
      const { violations } = await runChaos({
        ...short,
        seconds: 10,
        everyFault: true,
        leniency: LENIENCY,
        faults: faultsNamed(mutant.faults),
        apps: buildMutant(mutant),
      });
      expect(violations).toContainEqual(expect.objectContaining({ invariant: 'I5' }));
    },
    RUN_MS,
  );

  it('can make every mutant from the apps as they are built now', () => {
    for (const mutant of mutants) {
      expect(buildMutant(mutant)).toContain(mutant.name);
    }
  });
});

describe('the schedule', () => {
  it('is the same for the same seed and another for another', () => {
    const numbers = (seed: number): readonly number[] => {
      const random = new Random(seed);
      return Array.from({ length: 5 }, () => random.next());
    };
    expect(numbers(1)).toEqual(numbers(1));
    expect(numbers(1)).not.toEqual(numbers(2));
  });
});
