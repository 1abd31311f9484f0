import { once } from 'node:events';
import { jest } from '@jest/globals';
import { configureLogger } from '@rookery/platform';
import { Schedule } from './schedule';

/** A task that tells of each turn and ends it when told. */
function steppedTask() {
  let begun = Promise.withResolvers<undefined>();
  let ending = Promise.withResolvers<undefined>();
  const state = { turns: 0, running: 0 };
  return {
    state,
    task: {
      name: 'stepped',
      pauseMs: 1,
      async run(): Promise<void> {
        state.turns += 1;
        state.running += 1;
        expect(state.running).toBe(1);
        begun.resolve(undefined);
        const outcome = ending.promise;
        try {
          await outcome;
        } finally {
          state.running -= 1;
        }
      },
    },
    nextTurn: async (): Promise<void> => {
      await begun.promise;
      begun = Promise.withResolvers<undefined>();
    },
    end: (failure?: Error): void => {
      const current = ending;
      ending = Promise.withResolvers<undefined>();
      if (failure) {
        current.reject(failure);
      } else {
        current.resolve(undefined);
      }
    },
  };
}

describe('a schedule', () => {
  beforeAll(() => configureLogger('orders', 'silent'));

  it('continues after a failed turn, and never runs a task twice at a time', async () => {
    const { task, state, nextTurn, end } = steppedTask();
    const schedule = new Schedule([task]);
    schedule.onApplicationBootstrap();
    await nextTurn();
    end(new Error('the database is away'));
    await nextTurn();
    end();
    await nextTurn();
    expect(state.turns).toBe(3);
    end();
    await schedule.beforeApplicationShutdown();
  });

  it('finishes the running turn at shutdown and starts none after', async () => {
    const { task, state, nextTurn, end } = steppedTask();
    const schedule = new Schedule([task]);
    schedule.onApplicationBootstrap();
    await nextTurn();
    let ended = false;
    const ending = schedule.beforeApplicationShutdown().then(() => {
      ended = true;
    });
    await Promise.resolve();
    expect(ended).toBe(false);
    end();
    await ending;
    expect(state).toEqual({ turns: 1, running: 0 });
  });

  it('tells a long turn to end early when the process stops', async () => {
    const begun = Promise.withResolvers<AbortSignal>();
    const run = async (stopping: AbortSignal): Promise<void> => {
      begun.resolve(stopping);
      if (!stopping.aborted) {
        await once(stopping, 'abort');
      }
    };
    const schedule = new Schedule([{ name: 'long', pauseMs: 1, run }]);
    schedule.onApplicationBootstrap();
    expect((await begun.promise).aborted).toBe(false);
    await expect(schedule.beforeApplicationShutdown()).resolves.toBeUndefined();
  });

  it('does not wait for the pause at shutdown', async () => {
    const schedule = new Schedule([{ name: 'rare', pauseMs: 3_600_000, run: () => Promise.resolve() }]);
    schedule.onApplicationBootstrap();
    await expect(schedule.beforeApplicationShutdown()).resolves.toBeUndefined();
  });

  it('does not start a task before its first delay', async () => {
    const run = jest.fn(() => Promise.resolve());
    const schedule = new Schedule([{ name: 'later', pauseMs: 1, firstAfterMs: 3_600_000, run }]);
    schedule.onApplicationBootstrap();
    await schedule.beforeApplicationShutdown();
    expect(run).not.toHaveBeenCalled();
  });

  it('signals a running turn to end early', async () => {
    const run = (stopping: AbortSignal): Promise<void> =>
      new Promise((resolve) => stopping.addEventListener('abort', () => resolve()));
    const schedule = new Schedule([{ name: 'long', pauseMs: 1, run }]);
    schedule.onApplicationBootstrap();
    await expect(schedule.beforeApplicationShutdown()).resolves.toBeUndefined();
  });
});
