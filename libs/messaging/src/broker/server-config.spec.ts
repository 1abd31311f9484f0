import { ackSubjectsOf, brokerUsers, mayReplyTo } from './permissions';
import { natsAccountsConfig, natsServerConfig, type NatsServerTls } from './server-config';

const keys = { admin: ['UX'], gateway: ['UG'], auth: ['UA'], products: ['UP'], orders: ['UO'], payments: ['UY'] };
const config = (change: Partial<Parameters<typeof brokerUsers>[0]> = {}, tls?: NatsServerTls): string =>
  natsServerConfig({
    port: 4223,
    storeDir: '/data',
    tls,
    accounts: [{ name: 'ROOKERY', users: brokerUsers({ ...keys, ...change }) }],
  });

describe('the broker’s configuration', () => {
  it('defines users inside accounts only (CVE-2023-47090)', () => {
    expect(config()).not.toContain('authorization');
    expect(config().indexOf('accounts {')).toBeLessThan(config().indexOf('nkey:'));
  });

  it('gives no user an empty allow list, which would allow everything', () => {
    expect(config()).not.toMatch(/allow: \[\]/);
    const reader = { keys: ['UR'], permissions: { publish: [], neverPublish: [], subscribe: ['live.>'] } };
    const accounts = natsAccountsConfig([{ name: 'ROOKERY', users: [reader] }]);
    expect(accounts).not.toMatch(/allow: \[\]/);
    expect(accounts).toContain('publish: { deny: [">"] }');
  });

  it('escapes quotes, backslashes and control characters', () => {
    expect(config({ orders: ['a"b\\c\nd$e'] })).toContain('nkey: "a\\"b\\\\c\\x0ad$e"');
  });

  it('accepts two keys of one service with the same permissions during a rotation', () => {
    const [one, other] = [config({ orders: ['UO'] }), config({ orders: ['UN'] })];
    const both = config({ orders: ['UO', { variable: 'NEXT' }] });
    const blockOf = (text: string, key: string): string =>
      text.split('      { ').find((user) => user.startsWith(`nkey: ${key}`)) ?? '';
    const permissions = (text: string, key: string): string => blockOf(text, key).replace(`nkey: ${key}`, '').trimEnd();
    expect(permissions(both, '"UO"')).toBe(permissions(one, '"UO"'));
    expect(permissions(both, '$NEXT')).toBe(permissions(other, '"UN"'));
    expect(permissions(both, '$NEXT')).toContain('events.orders.>');
  });

  it('requires client certificates with TLS', () => {
    expect(config()).not.toContain('tls');
    expect(config({}, { ca: '/ca', cert: '/cert', key: '/key' })).toMatch(/^tls \{.* verify: true/m);
  });

  it('lets no client reply to arbitrary subjects', () => {
    expect(config()).not.toContain('allow_responses');
  });

  it('lets a service reply to the inboxes of its callers, except the broker’s part', () => {
    const answersTo = ['_INBOX.gateway.x', '_INBOX.orders.x', '_INBOX.orders.js.x', '_INBOX.auth.x', '_INBOX.x', ''];
    const allowed = (service: string) => answersTo.filter((reply) => mayReplyTo(service, reply));
    expect(allowed('products')).toEqual(['_INBOX.gateway.x', '_INBOX.orders.x']);
    expect(allowed('orders')).toEqual(['_INBOX.gateway.x']);
    expect(allowed('gateway')).toEqual([]);
  });

  it('allows acknowledgements of a consumer in both forms, and none of another consumer', () => {
    const subjects = ackSubjectsOf({ stream: 'ORDERS', durable: 'payments' });
    const matches = (subject: string): boolean =>
      subjects.some((pattern) =>
        new RegExp(`^${pattern.replace(/[$.]/g, '\\$&').replace('*', '[^.]+').replace('>', '.+')}$`).test(subject),
      );
    expect(matches('$JS.ACK.ORDERS.payments.1.2.2.1796045318702709385.1')).toBe(true);
    expect(matches('$JS.ACK._.szMpdrwD.ORDERS.payments.1.2.2.1796045320642353565.1')).toBe(true);
    expect(matches('$JS.ACK.ORDERS.products.ORDERS.payments.1.1.0')).toBe(false);
    expect(matches('$JS.ACK._.szMpdrwD.ORDERS.products.1.2.2.1796045320642353565.1')).toBe(false);
  });

  it('lets the gateway publish requests only', () => {
    const [, gateway] = brokerUsers(keys);
    expect(gateway?.keys).toEqual(keys.gateway);
    expect(gateway?.permissions?.publish.every((subject) => subject.startsWith('rpc.'))).toBe(true);
  });
});
