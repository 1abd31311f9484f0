import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { parseConfig } from '@rookery/platform';
import { stranglerRoutesSetting } from './strangler-routes';

const Setting = z.object({ STRANGLER_ROUTES: stranglerRoutesSetting });
const UPSTREAM = 'http://legacy.internal:8080';

const read = (value: string | undefined, name = 'STRANGLER_ROUTES') => parseConfig(Setting, { [name]: value });
const routesOf = (routes: unknown) => {
  const parsed = read(JSON.stringify(routes));
  return parsed.ok ? parsed.config.STRANGLER_ROUTES : [];
};
const reasonOf = (text: string): string | undefined => {
  const parsed = read(text);
  return parsed.ok ? undefined : parsed.bad.find(({ name }) => name === 'STRANGLER_ROUTES')?.reason;
};

describe('STRANGLER_ROUTES', () => {
  it.each([[undefined], [''], [' '], ['[]']])('has no routes when it is %j', (value) => {
    expect(read(value)).toEqual({ ok: true, config: { STRANGLER_ROUTES: [] } });
  });

  it('is a list of routes, with all callers on the legacy system by default', () => {
    expect(routesOf([{ prefix: '/v1/products', upstream: `${UPSTREAM}/` }])).toEqual([
      { prefix: '/v1/products', upstream: UPSTREAM, legacyPercent: 100, choiceByHeader: false, passHeaders: [] },
    ]);
    const all = {
      prefix: '/legacy',
      upstream: UPSTREAM,
      legacyPercent: 12.5,
      choiceByHeader: true,
      access: ['catalog:write', 'ops:read'],
      rewritePrefix: '/cgi/shop',
      passHeaders: ['x-shop-locale'],
    };
    expect(routesOf([all])).toEqual([all]);
  });

  it('may come from a file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'rookery-strangler-'));
    try {
      const file = join(folder, 'routes.json');
      writeFileSync(file, JSON.stringify([{ prefix: '/legacy', upstream: UPSTREAM, access: 'token' }], null, 2));
      expect(read(file, 'STRANGLER_ROUTES_FILE')).toMatchObject({
        ok: true,
        config: { STRANGLER_ROUTES: [{ prefix: '/legacy', access: 'token' }] },
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each([
    ['no JSON', '{', 'must be a JSON list of routes'],
    ['no list', '{}', 'must be a JSON list of routes'],
    ['no object', '[1]', 'route 1: '],
    ['a missing prefix', `[{"upstream":"${UPSTREAM}"}]`, 'route 1, prefix: '],
    ['a prefix with a slash at the end', `[{"prefix":"/a/","upstream":"${UPSTREAM}"}]`, 'must be a path like'],
    ['the root as prefix', `[{"prefix":"/","upstream":"${UPSTREAM}"}]`, 'must be a path like'],
    ['a prefix with a dot segment', `[{"prefix":"/a/../b","upstream":"${UPSTREAM}"}]`, 'must be a path like'],
    ['a prefix with a parameter', `[{"prefix":"/a/:id","upstream":"${UPSTREAM}"}]`, 'must be a path like'],
    ['a reserved prefix', `[{"prefix":"/docs","upstream":"${UPSTREAM}"}]`, '/docs is reserved'],
    ['a prefix below a reserved one', `[{"prefix":"/livez/x","upstream":"${UPSTREAM}"}]`, '/livez/x is reserved'],
    ['a prefix above a reserved one', `[{"prefix":"/v1","upstream":"${UPSTREAM}"}]`, '/v1 is reserved: /v1/me'],
    ['no upstream', '[{"prefix":"/a"}]', 'route 1, upstream: '],
    ['an upstream with a path', `[{"prefix":"/a","upstream":"${UPSTREAM}/x"}]`, 'must be an origin'],
    ['an upstream with a query', `[{"prefix":"/a","upstream":"${UPSTREAM}?x"}]`, 'must be an origin'],
    ['an upstream with credentials', '[{"prefix":"/a","upstream":"http://u:p@legacy"}]', 'must be an origin'],
    ['an upstream that is not a URL', '[{"prefix":"/a","upstream":"legacy:8080"}]', 'must be the origin'],
    ['another protocol', '[{"prefix":"/a","upstream":"ftp://legacy"}]', 'must be the origin'],
    ['too high a percentage', `[{"prefix":"/a","upstream":"${UPSTREAM}","legacyPercent":101}]`, 'legacyPercent'],
    ['a percentage as text', `[{"prefix":"/a","upstream":"${UPSTREAM}","legacyPercent":"50"}]`, 'legacyPercent'],
    [
      'an unknown scope',
      `[{"prefix":"/a","upstream":"${UPSTREAM}","access":["all"]}]`,
      'or a list of scopes (catalog:write,',
    ],
    ['no scope', `[{"prefix":"/a","upstream":"${UPSTREAM}","access":[]}]`, 'or a list of scopes'],
    ['an unknown field', `[{"prefix":"/a","upstream":"${UPSTREAM}","precent":5}]`, 'precent'],
    ['a header of the edge', `[{"prefix":"/a","upstream":"${UPSTREAM}","passHeaders":["cookie"]}]`, 'never forwards'],
    ['a hop-by-hop header', `[{"prefix":"/a","upstream":"${UPSTREAM}","passHeaders":["upgrade"]}]`, 'never forwards'],
    [
      'a header of proxies',
      `[{"prefix":"/a","upstream":"${UPSTREAM}","passHeaders":["x-forwarded-for"]}]`,
      'never forwards',
    ],
  ])('is rejected with %s', (_what, text, reason) => {
    expect(reasonOf(text)).toContain(reason);
  });

  it.each([
    ['/shop', '/shop'],
    ['/shop', '/shop/cart'],
    ['/shop/cart', '/shop'],
  ])('is rejected when prefixes overlap: %s and %s', (one, other) => {
    const text = JSON.stringify([
      { prefix: '/a', upstream: UPSTREAM },
      { prefix: one, upstream: UPSTREAM },
      { prefix: other, upstream: UPSTREAM },
    ]);
    expect(reasonOf(text)).toBe(`route 3, prefix: ${other} overlaps with route 2: make one route of the two`);
  });

  it('accepts prefixes that only start alike', () => {
    expect(
      routesOf([
        { prefix: '/shop', upstream: UPSTREAM },
        { prefix: '/shopping', upstream: UPSTREAM },
      ]),
    ).toHaveLength(2);
  });

  it('names all faults at once', () => {
    const reason = reasonOf(
      JSON.stringify([
        { prefix: 'a', upstream: UPSTREAM },
        { prefix: '/docs', upstream: 'x', percent: 1 },
      ]),
    );
    for (const part of ['route 1, prefix', 'route 2, upstream', 'route 2: ']) {
      expect(reason).toContain(part);
    }
  });
});
