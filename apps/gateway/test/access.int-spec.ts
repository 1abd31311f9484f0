import { Scopes } from '@rookery/contracts';
import { type DocumentedRoute, expectDocumented, OpenApi, routesOf } from '@rookery/testing';
import { committedDocuments } from '../src/documents';
import { type GatewayUnderTest, startGateway } from './gateway-under-test';
import { type SampleRequest, sampleRequests } from './sample-requests';

// The routes come from the document, so that a new one cannot be forgotten.
const document = OpenApi.parse((await committedDocuments()).openapi);
const routes = routesOf(document);
const allScopes = Object.keys(Scopes);

let gateway: GatewayUnderTest;

beforeAll(async () => {
  gateway = await startGateway();
  // The live stream then ends on its own.
  gateway.state.status = 'Confirmed';
});
afterAll(() => gateway.close());

function sampleOf(route: DocumentedRoute): SampleRequest {
  const sample = sampleRequests[route.id];
  if (sample === undefined) {
    throw new Error(`${route.id} has no sample request: add one to sample-requests.ts`);
  }
  return sample;
}

async function ask(route: DocumentedRoute, token?: string, further?: Record<string, string>): Promise<Response> {
  const { path, body, headers } = sampleOf(route);
  const init = { method: route.method, headers: { ...headers, ...further }, ...(token !== undefined && { token }) };
  return body === undefined ? gateway.request(path, init) : gateway.send(route.method, path, body, init);
}

const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);

/** Number of requests to the services. */
const requestsOf = ({ stubs }: GatewayUnderTest): number =>
  Object.values(stubs)
    .flat()
    .reduce((sum, stub) => sum + ('requests' in stub ? stub.requests.length : 0), 0);

async function expectProblem(response: Response, status: number, code?: string): Promise<void> {
  expect(response.status).toBe(status);
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  const problem: unknown = await response.clone().json();
  expect(problem).toMatchObject({ status, ...(code !== undefined && { code }) });
}

it('has a sample request for each documented route, and no other', () => {
  expect(routes.map(({ id }) => id).sort()).toEqual(Object.keys(sampleRequests).sort());
});

describe.each(routes.map((route) => [`${route.method} ${route.path}`, route] as const))('%s', (_name, route) => {
  it('answers a caller with the documented scopes as documented', async () => {
    const token = route.scopes === undefined ? undefined : await gateway.issuer.token({ scopes: route.scopes });
    const response = await ask(route, token);
    expect(response.status).toBe(sampleOf(route).status);
    await expectDocumented(document, route, response);
    const documented = Object.keys(route.operation.responses[String(response.status)]?.headers ?? {});
    const optional = new Set(['Idempotent-Replayed', 'Age', 'Warning']);
    expect(documented.filter((name) => !optional.has(name) && !response.headers.has(name))).toEqual([]);
  });

  it('rejects an undocumented query parameter', async () => {
    const { path } = sampleOf(route);
    const token = await gateway.issuer.token({ scopes: allScopes });
    const separator = path.includes('?') ? '&' : '?';
    const { body, headers = {} } = sampleOf(route);
    const init = { method: route.method, headers, token };
    const url = `${path}${separator}surprise=1`;
    const response = await (body === undefined
      ? gateway.request(url, init)
      : gateway.send(route.method, url, body, init));
    await expectProblem(response, 400);
    expect(await response.json()).toMatchObject({ errors: [{ pointer: '#/query/surprise' }] });
  });

  it('requires a documented Idempotency-Key before any service is asked, for POST and only for POST', async () => {
    const documented = route.operation.parameters.find(({ name }) => name === 'Idempotency-Key');
    expect(documented?.required).toBe(route.method === 'POST' ? true : undefined);
    if (route.method !== 'POST') {
      return;
    }
    const token = await gateway.issuer.token({ scopes: allScopes });
    const asked = requestsOf(gateway);
    for (const [key, fact] of [
      ['', 'missing'],
      ['short', 'malformed'],
    ] as const) {
      const response = await ask(route, token, { 'idempotency-key': key });
      expect(await response.clone().json()).toMatchObject({
        status: 400,
        code: matching(new RegExp(`^[a-z]+[.]idempotency-key-${fact}$`)),
      });
      await expectDocumented(document, route, response);
    }
    expect(requestsOf(gateway)).toBe(asked);
  });

  if (route.scopes === undefined) {
    it('requires no token', async () => {
      expect((await ask(route)).status).toBe(sampleOf(route).status);
    });
    return;
  }

  it('rejects an anonymous caller', async () => {
    const response = await ask(route);
    await expectProblem(response, 401, 'auth.missing-token');
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer/);
    await expectDocumented(document, route, response);
  });

  it.each([
    ['made for another audience', { audience: 'another-api' }],
    ['made by another issuer', { issuer: 'http://localhost:9' }],
    ['that has expired', { expiresIn: -60 }],
  ])('rejects a token %s', async (_what, options) => {
    const response = await ask(route, await gateway.issuer.token({ scopes: allScopes, ...options }));
    await expectProblem(response, 401, 'auth.invalid-token');
    await expectDocumented(document, route, response);
  });

  if (route.scopes.length === 0) {
    return;
  }

  it('rejects a token that has every scope except the required one', async () => {
    const scopes = allScopes.filter((scope) => !route.scopes?.includes(scope));
    const response = await ask(route, await gateway.issuer.token({ scopes, roles: ['operator'] }));
    await expectProblem(response, 403, 'auth.insufficient-scope');
    expect(response.headers.get('www-authenticate')).toContain('insufficient_scope');
    await expectDocumented(document, route, response);
  });
});
