import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { eventContracts, rpcContracts } from '@rookery/contracts';
import { OpenApi, routesOf } from '@rookery/testing';
import { committedDocuments } from '../src/documents';
import { EXAMPLE_PRODUCT_ID } from '../src/openapi/examples';
import { type GatewayUnderTest, startGateway } from './gateway-under-test';
import { productId } from './neighbours';
import { problemOf } from './problem';

const committed = async (name: string): Promise<unknown> =>
  JSON.parse(await readFile(new URL(`../../../docs/api/${name}`, import.meta.url), 'utf8'));

const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** Every `$ref` anywhere in a document. */
function refsIn(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) {
    return [];
  }
  return Object.entries(node).flatMap(([key, value]: [string, unknown]) =>
    key === '$ref' && typeof value === 'string' ? [value] : refsIn(value),
  );
}

function resolves(document: unknown, ref: string): boolean {
  let node = document;
  for (const part of ref.replace(/^#\//, '').split('/')) {
    const parent = z.record(z.string(), z.unknown()).safeParse(node);
    node = parent.data?.[part.replaceAll('~1', '/').replaceAll('~0', '~')];
  }
  return node !== undefined;
}

let gateway: GatewayUnderTest;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

describe('openapi.json', () => {
  it('is committed as generated (otherwise: npm run generate)', async () => {
    expect(await committed('openapi.json')).toEqual(asJson((await committedDocuments()).openapi));
  });

  it('is served with the addresses of this gateway and its issuer', async () => {
    const response = await gateway.request('/openapi.json');
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    const text = await response.text();
    expect(text).toContain(`${gateway.issuer.url}/auth`);
    const { paths } = OpenApi.parse(JSON.parse(text));
    expect(paths).toEqual(OpenApi.parse((await committedDocuments()).openapi).paths);
  });

  it('has the shape of OpenAPI 3.1: known references, unique operation ids, documented path parameters', async () => {
    const { openapi } = await committedDocuments();
    const document = OpenApi.parse(openapi);
    expect(refsIn(openapi).filter((ref) => !resolves(openapi, ref))).toEqual([]);
    const routes = routesOf(document);
    expect(new Set(routes.map(({ id }) => id)).size).toBe(routes.length);
    for (const { path, operation } of routes) {
      const inPath = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name);
      expect(operation.parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name)).toEqual(
        inPath,
      );
    }
    const schemes = Object.keys(document.components.securitySchemes);
    expect(routes.flatMap(({ operation }) => (operation.security ?? []).flatMap(Object.keys))).toEqual(
      expect.arrayContaining(schemes),
    );
  });

  it('describes each error of each route as a problem', async () => {
    const routes = routesOf(OpenApi.parse((await committedDocuments()).openapi));
    const others = routes.flatMap(({ id, operation }) =>
      Object.entries(operation.responses)
        .filter(([status, { content }]) => Number(status) >= 400 && content?.['application/problem+json'] === undefined)
        .map(([status]) => `${id} ${status}`),
    );
    expect(others).toEqual([]);
  });
});

describe('asyncapi.json', () => {
  it('is committed as generated (otherwise: npm run generate), and served unchanged', async () => {
    const { asyncapi } = await committedDocuments();
    expect(await committed('asyncapi.json')).toEqual(asJson(asyncapi));
    expect(await (await gateway.request('/asyncapi.json')).json()).toEqual(asJson(asyncapi));
  });

  it('names every request and event of the contracts and has known references only', async () => {
    const { asyncapi } = await committedDocuments();
    const channels = Object.keys(z.record(z.string(), z.unknown()).parse(asyncapi['channels']));
    expect(channels).toEqual(
      expect.arrayContaining([...rpcContracts, ...eventContracts].map(({ subject }) => subject)),
    );
    expect(refsIn(asyncapi).filter((ref) => !resolves(asyncapi, ref))).toEqual([]);
  });
});

describe('Swagger UI', () => {
  it.each([
    ['/docs', 'text/html'],
    ['/docs/', 'text/html'],
    ['/docs/swagger-ui-bundle.js', 'javascript'],
    ['/docs/swagger-ui.css', 'text/css'],
    ['/docs/oauth2-redirect.html', 'text/html'],
    ['/docs/oauth2-redirect.js', 'javascript'],
  ])('serves %s', async (path, type) => {
    const response = await gateway.request(path);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toContain(type);
    expect((await response.text()).length).toBeGreaterThan(0);
  });

  it.each(['/docs', '/docs/'])('fits the screen of a phone: %s', async (path) => {
    const html = await (await gateway.request(path)).text();
    expect(html).toMatch(/<head>\s*<meta name="viewport" content="width=device-width, initial-scale=1">/);
  });

  it('logs in with code and PKCE as its own client, and returns to its redirect page', async () => {
    const script = await (await gateway.request('/docs/swagger-ui-init.js')).text();
    expect(script).toContain('"clientId": "rookery-swagger"');
    expect(script).toContain('"usePkceWithAuthorizationCodeGrant": true');
    expect(script).toContain('"oauth2RedirectUrl": "http://localhost:3000/docs/oauth2-redirect.html"');
  });

  it('fills "Try it out" with an existing product and a new key on each visit', async () => {
    const visit = async () => (await gateway.request('/docs/swagger-ui-init.js')).text();
    const [one, other] = [await visit(), await visit()];
    expect(one).toContain(`"productId": "${productId}"`);
    expect(one).toContain(`"example": "${productId}"`); // the id in the path of a product's routes
    expect(one).not.toContain(EXAMPLE_PRODUCT_ID);
    expect(one).not.toEqual(other);
  });
});

describe('the front door', () => {
  const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';
  const open = (path: string, accept: string | undefined, method = 'GET') =>
    gateway.request(path, { method, redirect: 'manual', headers: accept === undefined ? {} : { accept } });

  it.each([['/'], ['/v1'], ['/v1/'], ['/?utm_source=mail']])('redirects a browser to the docs: %s', async (path) => {
    for (const method of ['GET', 'HEAD']) {
      const response = await open(path, BROWSER, method);
      expect([response.status, response.headers.get('location')]).toEqual([302, '/docs']);
      expect(response.headers.get('vary')).toMatch(/\baccept\b/i);
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(response.headers.has('x-correlation-id')).toBe(true);
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    }
  });

  it.each([
    ['/', undefined],
    ['/', '*/*'],
    ['/', 'application/json, text/plain, */*'],
    ['/', 'application/json, text/html;q=0.5'],
    ['/', 'text/html;q=0'],
    ['/v1', 'application/problem+json'],
    ['/v1', '*/*'],
    ['/v1/nothing', BROWSER],
    ['/nothing', BROWSER],
    ['//', BROWSER],
  ])('is a problem for other clients, and at other paths: %s for %s', async (path, accept) => {
    const response = await open(path, accept);
    expect(response.status).toBe(404);
    expect((await problemOf(response)).code).toBe('request.unknown-route');
  });

  it('redirects no other method', async () => {
    const response = await open('/', BROWSER, 'POST');
    expect(response.status).toBe(404);
    await problemOf(response);
  });
});
