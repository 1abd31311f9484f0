import { Progress } from '@rookery/devkit/terminal/progress';
import { WRONG_USAGE } from '@rookery/devkit/terminal/user-error';
import { runSeries } from './chaos';
import { runMutants } from './mutation-test';

describe('a name that does not exist', () => {
  const progress = new Progress(true);
  const series = { seeds: [1], seconds: 1, rate: 1, keep: false, record: false, progress };

  it.each([
    ['fault', () => runSeries({ ...series, faults: ['service-crash', 'nothing'] })],
    ['mutant', () => runMutants(['nothing'], progress)],
  ])('of a %s is wrong usage, and nothing is built or started', async (kind, run) => {
    const message: unknown = expect.stringContaining(`There is no ${kind} nothing.\n  `);
    await expect(run()).rejects.toMatchObject({ exitCode: WRONG_USAGE, message });
  });
});
