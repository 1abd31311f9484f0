import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ProductsRpc } from '@rookery/contracts';
import { eventually } from '@rookery/testing';
import { cacheKey } from './cache-key';
import { MemoryCache } from './memory-cache';

const bounds = { ttlMs: 60_000 };

setFlagsFromString('--expose-gc');
const collectGarbage: unknown = runInNewContext('gc');
const heapUsed = (): number => {
  if (typeof collectGarbage === 'function') {
    Reflect.apply(collectGarbage, undefined, []);
  }
  return process.memoryUsage().heapUsed;
};

const isValid = async (cache: MemoryCache, key: string, names: readonly string[]): Promise<boolean> => {
  const { entry, tags } = await cache.lookup(key, names);
  return entry !== undefined && JSON.stringify(entry.tags) === JSON.stringify(tags);
};

const response = (body: string) => ({ body, etag: '"1"' });

describe('MemoryCache', () => {
  it('holds an entry as valid until one of its tags changes', async () => {
    const cache = new MemoryCache(bounds);
    await (await cache.lookup('a', ['one', 'two'])).store(response('body'), 1);
    expect(await isValid(cache, 'a', ['one', 'two'])).toBe(true);
    await cache.invalidate(['three']);
    expect(await isValid(cache, 'a', ['one', 'two'])).toBe(true);
    await cache.invalidate(['two']);
    expect(await isValid(cache, 'a', ['one', 'two'])).toBe(false);
  });

  it('holds a response as invalid that was requested before a tag changed and stored after it', async () => {
    const cache = new MemoryCache(bounds);
    const before = await cache.lookup('a', ['one']);
    await cache.invalidate(['one']);
    await before.store(response('old'), 1);
    expect(await isValid(cache, 'a', ['one'])).toBe(false);
  });

  it('stays within its bound of bytes: the least recently used entry is evicted first', async () => {
    const cache = new MemoryCache({ ...bounds, maxBytes: 5_000 });
    for (const key of ['a', 'b']) {
      await (await cache.lookup(key, [])).store(response('x'.repeat(500)), 1);
    }
    await cache.lookup('a', []);
    await (await cache.lookup('c', [])).store(response('x'.repeat(1_000)), 1);
    const valid = await Promise.all(['a', 'b', 'c'].map((key) => isValid(cache, key, [])));
    expect(valid).toEqual([true, false, true]);
  });

  it('stays within its bound of entries, however short they are', async () => {
    const cache = new MemoryCache({ ...bounds, maxEntries: 3 });
    for (const key of ['a', 'b', 'c', 'd']) {
      await (await cache.lookup(key, [])).store(response(''), 1);
    }
    const valid = await Promise.all(['a', 'b', 'c', 'd'].map((key) => isValid(cache, key, [])));
    expect(valid).toEqual([false, true, true, true]);
  });

  it('counts the memory that an entry really takes: 200,000 empty pages stay within the bound', async () => {
    const maxBytes = 8 * 1024 * 1024;
    const cache = new MemoryCache({ ...bounds, maxBytes });
    const page = JSON.stringify({ items: [], nextCursor: null });
    const before = heapUsed();
    for (let index = 0; index < 200_000; index += 1) {
      const lookup = await cache.lookup(cacheKey(ProductsRpc.list, { q: String(index) }), ['one', 'two', 'three']);
      await lookup.store({ body: Buffer.from(page).toString(), etag: `"${String(index).padStart(22)}"` }, index);
    }
    const grown = heapUsed() - before;
    // Twice the bound, for other allocations of the test. Without the bound it grows by a hundred MB.
    expect(grown).toBeLessThan(2 * maxBytes);
    expect(await isValid(cache, cacheKey(ProductsRpc.list, { q: '199999' }), ['one', 'two', 'three'])).toBe(true);
    expect(await isValid(cache, cacheKey(ProductsRpc.list, { q: '0' }), ['one', 'two', 'three'])).toBe(false);
  });

  it('removes an expired entry, even one that is never read again', async () => {
    const cache = new MemoryCache({ ...bounds, ttlMs: 50 });
    await (await cache.lookup('a', [])).store(response('body'), 1);
    expect(cache.size).toBe(1);
    await eventually(async () => {
      await (await cache.lookup('b', [])).store(response('body'), 1);
      expect(cache.size).toBe(1);
    });
    expect(await isValid(cache, 'a', [])).toBe(false);
  });

  it('holds every entry as invalid that depends on an evicted tag', async () => {
    const cache = new MemoryCache({ ...bounds, maxTags: 2 });
    await (await cache.lookup('a', ['one'])).store(response('old'), 1);
    await cache.invalidate(['one']);
    await cache.invalidate(['two', 'three']);
    expect(await isValid(cache, 'a', ['one'])).toBe(false);
  });
});
