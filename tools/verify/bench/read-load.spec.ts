import { createServer, type Server } from 'node:http';
import { readEach, type ReadLoad, readsPerSecond } from './read-load';

describe('a load of reads', () => {
  const asked: string[] = [];
  let status = 200;
  let refusals = 0;
  let server: Server;
  let load: ReadLoad;
  beforeAll(async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    server = createServer((request, response) => {
      asked.push(request.url ?? '');
      refusals -= 1;
      response.writeHead(refusals >= 0 ? 503 : status).end('an answer');
    }).listen(0, '127.0.0.1', () => resolve(undefined));
    await promise;
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    load = { url: `http://127.0.0.1:${port}`, headers: {}, paths: ['/a', '/b', '/c'], connections: 2 };
  });
  beforeEach(() => {
    asked.length = 0;
    status = 200;
    refusals = 0;
  });
  afterAll(() => void server.close());

  it('reads each path once', async () => {
    await readEach(load);
    expect(asked.toSorted()).toEqual(['/a', '/b', '/c']);
  });

  it('reads the paths in turn for its time, and tells how many a second that were', async () => {
    const { perSecond: rate, refused } = await readsPerSecond(load, 200);
    expect(new Set(asked)).toEqual(new Set(['/a', '/b', '/c']));
    expect(refused).toBe(0);
    expect(rate).toBeGreaterThan(0);
    expect(rate).toBeLessThanOrEqual(asked.length * 5);
  });

  it('repeats what was refused with 503, and does not count it', async () => {
    refusals = 5;
    const { perSecond, refused } = await readsPerSecond(load, 200);
    expect(refused).toBe(5);
    expect(perSecond).toBeLessThanOrEqual((asked.length - 5) * 5);
  });

  it('fails on any other answer, and says which', async () => {
    status = 429;
    await expect(readsPerSecond(load, 200)).rejects.toThrow(/\/[abc] was answered 429: an answer/);
  });
});
