import { type PollingOptions, PollingWorker } from './polling-worker';

/** Longer than any spec runs: only `wake` ends such a pause. */
const NEVER_MS = 60_000;

describe('a polling worker', () => {
  const logged: string[] = [];
  let worker: PollingWorker | undefined;

  const start = (turn: PollingOptions['turn'], options: Partial<PollingOptions> = {}): PollingWorker => {
    worker = new PollingWorker({
      turn,
      pollMs: NEVER_MS,
      failed: (error) => logged.push(`failed: ${String(error)}`),
      recovered: (failures) => logged.push(`recovered after ${failures}`),
      ...options,
    });
    worker.start();
    return worker;
  };

  beforeEach(() => logged.splice(0));
  afterEach(() => worker?.stop());

  it('runs the first turn at once and the next one when it is woken', async () => {
    const turns = turnstile();
    const polling = start(turns.turn);
    await turns.reached(1);
    polling.wake();
    await turns.reached(2);
    expect(turns.count).toBe(2);
  });

  it('does not lose a wake during a turn', async () => {
    const turns = turnstile();
    start(async () => {
      if (turns.count === 0) {
        worker?.wake();
      }
      await turns.turn();
    });
    await turns.reached(2);
    expect(turns.count).toBe(2);
  });

  it('runs one turn at a time, without a pause while work remains', async () => {
    let running = 0;
    const turns = turnstile();
    start(async () => {
      running += 1;
      expect(running).toBe(1);
      await turns.turn();
      running -= 1;
      return turns.count < 5;
    });
    await turns.reached(5);
  });

  it('reports the first failure and the recovery, and backs off in between', async () => {
    const turns = turnstile();
    const waits: number[] = [];
    const polling: PollingWorker = start(
      async () => {
        await turns.turn();
        if (turns.count <= 3) {
          throw new Error('no database');
        }
      },
      { retryMs: (failures) => (waits.push(failures), 1) },
    );
    await turns.reached(4);
    polling.wake();
    await turns.reached(5);
    expect(waits).toEqual([1, 2, 3]);
    expect(logged).toEqual(['failed: Error: no database', 'recovered after 3']);
  });

  it('signals the running turn to stop and waits for its end', async () => {
    const begun = Promise.withResolvers<undefined>();
    let ended = false;
    const polling = start(async (stopping) => {
      const aborted = new Promise((resolve) => stopping.addEventListener('abort', resolve));
      begun.resolve(undefined);
      await aborted;
      ended = true;
    });
    await begun.promise;
    await polling.stop();
    expect(ended).toBe(true);
  });

  it('runs no turn when it is stopped before the first one', async () => {
    const turns = turnstile();
    await start(turns.turn, { firstAfterMs: NEVER_MS }).stop();
    expect(turns.count).toBe(0);
  });

  it('can be started again', async () => {
    const turns = turnstile();
    const polling = start(turns.turn);
    await turns.reached(1);
    await polling.stop();
    polling.start();
    await turns.reached(2);
    expect(turns.count).toBe(2);
  });
});

/** Counts turns and lets a spec wait for one. */
function turnstile() {
  let count = 0;
  const waiting = new Map<number, () => void>();
  return {
    get count() {
      return count;
    },
    turn: async (): Promise<void> => {
      count += 1;
      waiting.get(count)?.();
    },
    reached: (turn: number): Promise<void> =>
      count >= turn ? Promise.resolve() : new Promise((resolve) => waiting.set(turn, resolve)),
  };
}
