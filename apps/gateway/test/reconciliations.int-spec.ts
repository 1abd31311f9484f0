import { Reconciliation, ReconciliationRpc } from '@rookery/contracts';
import { ServiceUnavailable } from '@rookery/platform';
import { type GatewayUnderTest, startGateway } from './gateway-under-test';
import { orderId } from './neighbours';
import { problemOf } from './problem';

const PATH = '/v1/ops/reconciliations';
let gateway: GatewayUnderTest;
let token: string;

beforeAll(async () => {
  gateway = await startGateway();
  token = await gateway.issuer.token({ scopes: [...ReconciliationRpc.reconcile.scopes] });
});
afterAll(() => gateway.close());

const reconcile = (body: unknown): Promise<Response> => gateway.send('POST', PATH, body, { token });

it.each([{ since: '2026-11-23T07:00:00.000Z' }, { after: orderId }])('forwards %j to orders', async (body) => {
  const response = await reconcile(body);
  expect(response.status).toBe(200);
  expect(Reconciliation.parse(await response.json())).toMatchObject({ total: 0, next: null });
  expect(gateway.stubs.reconcile.requests.at(-1)).toEqual(body);
});

it.each([
  {},
  { since: '2026-11-23T07:00:00.000Z', after: orderId },
  { since: 'yesterday' },
  { since: '2026-11-23' },
  { after: "'--" },
  { since: '2026-11-23T07:00:00.000Z', settle: true },
  [],
])('rejects %j before orders is asked', async (body) => {
  const asked = gateway.stubs.reconcile.requests.length;
  const response = await reconcile(body);
  expect(response.status).toBe(400);
  await problemOf(response);
  expect(gateway.stubs.reconcile.requests).toHaveLength(asked);
});

it('answers 503 when a service is unavailable', async () => {
  gateway.state.hold = Promise.reject(new ServiceUnavailable('payments does not respond.'));
  const response = await reconcile({ after: orderId });
  gateway.state.hold = Promise.resolve();
  expect(response.status).toBe(503);
  expect(response.headers.get('retry-after')).not.toBeNull();
  expect((await problemOf(response)).detail).toBe('payments does not respond.');
});
