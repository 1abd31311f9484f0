import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';

/** What is read, and by how many. */
export interface ReadLoad {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Asked for in turn, over and over: requests in flight at a time are for different things, and none can share another's work. */
  readonly paths: readonly string[];
  readonly connections: number;
}

/** How fast reads were answered. */
export interface ReadsSeen {
  readonly perSecond: number;
  /** Refused with 503, and not counted in the rate: load shedding, which no peer has. */
  readonly refused: number;
}

/** Much less than Retry-After, which is for clients that are many. */
const REFUSED_PAUSE_MS = 20;

/**
 * Reads everything once, for example to fill a cache.
 * @throws {Error} when an answer is neither 200 nor 503
 */
export const readEach = async (load: ReadLoad): Promise<void> => {
  await readWhile(load, (asked) => asked < load.paths.length);
};

/**
 * Answers a second, one request in flight per connection.
 * @throws {Error} when an answer is neither 200 nor 503
 */
export async function readsPerSecond(load: ReadLoad, ms: number): Promise<ReadsSeen> {
  const startedAt = performance.now();
  const { answered, refused } = await readWhile(load, () => performance.now() - startedAt < ms);
  return { perSecond: (answered * 1_000) / (performance.now() - startedAt), refused };
}

async function readWhile(
  { url, headers, paths, connections }: ReadLoad,
  goesOn: (asked: number) => boolean,
): Promise<{ readonly answered: number; readonly refused: number }> {
  const api = new Pool(url, { connections, pipelining: 1 });
  let asked = 0;
  let refused = 0;
  const isAnswered = async (path: string): Promise<boolean> => {
    const { statusCode, body } = await api.request({ path, method: 'GET', headers });
    const text = await body.text();
    if (statusCode !== 200 && statusCode !== 503) {
      throw new Error(`${url}${path} was answered ${statusCode}: ${text}`);
    }
    return statusCode === 200;
  };
  const reader = async (): Promise<void> => {
    while (goesOn(asked)) {
      const path = paths[asked % paths.length] ?? '';
      asked += 1;
      while (!(await isAnswered(path))) {
        refused += 1;
        await sleep(REFUSED_PAUSE_MS);
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: connections }, reader));
    return { answered: asked, refused };
  } finally {
    await api.destroy();
  }
}
