import { TokenCache } from './token-cache';

const options = { size: 3, ttlMs: 60_000 };

describe('TokenCache', () => {
  it('remembers no longer than it may, and never past the token’s own end', () => {
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

  it('holds as many as it may: the one that was used longest ago goes', () => {
    const cache = new TokenCache<number>(options);
    for (const [index, token] of ['a', 'b', 'c'].entries()) cache.set(token, index, Infinity);
    cache.set('a', 10, Infinity);
    cache.set('d', 3, Infinity);
    expect(['a', 'b', 'c', 'd'].map((token) => cache.get(token))).toEqual([10, undefined, 2, 3]);
  });

  it('holds no more than it may by size, however much one issuer says in its tokens', () => {
    const cache = new TokenCache<readonly string[]>({ ...options, maxBytes: 10_000 });
    const roles = Array.from({ length: 100 }, (_, index) => `a role with a long name ${index}`);
    cache.set('a', roles, Infinity);
    cache.set('b', roles, Infinity);
    expect(['a', 'b'].map((token) => cache.get(token))).toEqual([undefined, roles]);
  });
});
