import { TokenCache } from './token-cache';

const options = { size: 3, ttlMs: 60_000 };

describe('TokenCache', () => {
  it('holds an entry for its lifetime, and never beyond the token’s expiry', () => {
    let now = 0;
    const cache = new TokenCache<string>(options, () => now);
    cache.set('short', 'one', 30_000);
    cache.set('long', 'other', Infinity);
    now = 29_999;
    expect([cache.get('short'), cache.get('long')]).toEqual(['one', 'other']);
    now = 30_000;
    expect([cache.get('short'), cache.get('long')]).toEqual([undefined, 'other']);
    now = 60_000;
    expect(cache.get('long')).toBeUndefined();
  });

  it('stays within its bound of entries: the least recently used one is evicted', () => {
    const cache = new TokenCache<number>(options);
    for (const [index, token] of ['a', 'b', 'c'].entries()) {
      cache.set(token, index, Infinity);
    }
    cache.set('a', 10, Infinity);
    cache.set('d', 3, Infinity);
    expect(['a', 'b', 'c', 'd'].map((token) => cache.get(token))).toEqual([10, undefined, 2, 3]);
  });

  it('stays within its bound of bytes, however large the tokens of an issuer are', () => {
    const cache = new TokenCache<readonly string[]>({ ...options, maxBytes: 10_000 });
    const roles = Array.from({ length: 100 }, (_, index) => `a role with a long name ${index}`);
    cache.set('a', roles, Infinity);
    cache.set('b', roles, Infinity);
    expect(['a', 'b'].map((token) => cache.get(token))).toEqual([undefined, roles]);
  });
});
