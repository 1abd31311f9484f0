import { shutDown } from '@rookery/platform';
import { eventually } from '@rookery/testing';
import { EventStreamReader } from './event-stream';
import { type GatewayUnderTest, startGateway } from './gateway-under-test';
import { orderId } from './neighbours';

let gateway: GatewayUnderTest;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

it('answers every running request, ends live streams and reports not ready before it stops', async () => {
  const token = await gateway.issuer.token({ scopes: ['orders:read'] });
  const follow = await gateway.request(`/v1/orders/${orderId}/events`, {
    token,
    headers: { accept: 'text/event-stream' },
  });
  const reader = new EventStreamReader(follow);
  await eventually(() => expect(reader.events).toHaveLength(1));
  const { promise, resolve } = Promise.withResolvers<undefined>();
  gateway.state.hold = promise;
  const asked = gateway.stubs.getOrder.requests.length;
  const inHand = Array.from({ length: 20 }, () => gateway.request(`/v1/orders/${orderId}`, { token }));
  await eventually(() => expect(gateway.stubs.getOrder.requests).toHaveLength(asked + 20));

  const stopped = shutDown(gateway.app);
  const ready = await gateway.request('/readyz');
  expect(ready.status).toBe(503);
  expect(ready.headers.get('connection')).toBe('close');
  await reader.ended;
  resolve(undefined);
  const answers = await Promise.all(inHand);
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  await stopped;
  await expect(gateway.request('/livez')).rejects.toThrow('fetch failed');
});
