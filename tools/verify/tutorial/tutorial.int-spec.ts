import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '@rookery/devkit/stack/repository';
import { stepsOf } from './page';
import { Reader } from './reader';

/** Deadlines for machines under load, where other suites run beside this one. */
const STEP_WITHIN_MS = 300_000;

const steps = stepsOf(readFileSync(join(repository, 'docs/tutorial/your-first-change.md'), 'utf8'));
const changed = steps
  .flatMap(({ actions }) => actions)
  .flatMap((action) => (action.kind === 'edit' ? [...action.diff.matchAll(/^\+\+\+ b\/(.+)$/gm)] : []))
  .map(([, file = '']) => file);

describe('the tutorial', () => {
  let reader: Reader;
  /** The step that is being followed, or was when it failed: no later one can work. */
  let unfinished: string | undefined;

  beforeAll(async () => {
    reader = await Reader.start();
  }, STEP_WITHIN_MS);
  afterAll(() => reader.stop(), STEP_WITHIN_MS);

  it.each(steps)(
    'works in its step “$title”',
    async ({ title, actions }) => {
      expect(unfinished).toBeUndefined();
      unfinished = title;
      for (const action of actions) {
        await reader.follow(action);
      }
      unfinished = undefined;
    },
    STEP_WITHIN_MS,
  );

  it.each([
    ['types that fit', 'node_modules/.bin/tsc --noEmit -p .'],
    ['changed files that are formatted', `node_modules/.bin/prettier --check ${changed.join(' ')}`],
    [
      'no finding of the linter',
      `node_modules/.bin/eslint ${changed.filter((file) => file.endsWith('.ts')).join(' ')}`,
    ],
  ])(
    'ends with %s',
    async (_what, commands) => {
      expect(unfinished).toBeUndefined();
      const { code, said } = await reader.run(commands);
      expect([code, code === 0 ? '' : said]).toEqual([0, '']);
    },
    STEP_WITHIN_MS,
  );
});
