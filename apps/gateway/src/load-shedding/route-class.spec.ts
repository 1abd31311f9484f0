import { classOf } from './route-class';

const priorityOf = (method: string, url: string | undefined) => classOf(method, url)?.priority;

it('never sheds probes, metrics, preflights and unknown routes', () => {
  const never = ['/livez', '/readyz', '/health', '/metrics'];
  expect(never.map((url) => classOf('GET', url))).toEqual(never.map(() => undefined));
  expect(classOf('OPTIONS', '/v1/orders')).toBeUndefined();
  expect(classOf('GET', undefined)).toBeUndefined();
  expect(priorityOf('GET', '/v1/livez')).toBe('low');
});

it('sheds documents like reads', () => {
  const documents = ['/openapi.json', '/asyncapi.json', '/docs', '/docs/swagger-ui-init.js', '/docs/*'];
  expect(documents.map((url) => priorityOf('GET', url))).toEqual(documents.map(() => 'low'));
});

it('sheds reads first, other changes next, placing and canceling orders last', () => {
  expect(priorityOf('GET', '/v1/orders')).toBe('low');
  expect(priorityOf('HEAD', '/v1/products')).toBe('low');
  expect(priorityOf('PATCH', '/v1/products/:id')).toBe('normal');
  expect(priorityOf('POST', '/v1/accounts')).toBe('normal');
  expect(priorityOf('POST', '/v1/orders')).toBe('high');
  expect(priorityOf('POST', '/v1/orders/:id/cancellations')).toBe('high');
});

it('knows which responses stay open', () => {
  expect(classOf('GET', '/v1/orders/:id/events')).toEqual({ priority: 'low', isStream: true });
  expect(classOf('HEAD', '/v1/orders/:id/events')).toEqual({ priority: 'low', isStream: true });
  expect(classOf('GET', '/v1/orders/:id')).toEqual({ priority: 'low', isStream: false });
});
