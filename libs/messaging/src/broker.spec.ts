import { brokerUsers, natsAccountsConfig, natsServerConfig } from './broker';

const passwords = { gateway: 'g', auth: 'a', products: 'p', orders: 'o', payments: 'y' };
const config = (change: Partial<typeof passwords> = {}): string =>
  natsServerConfig({
    port: 4223,
    storeDir: '/data',
    accounts: [{ name: 'ROOKERY', users: brokerUsers({ ...passwords, ...change }) }],
    adminPassword: 'admin',
  });

describe('the broker’s configuration', () => {
  it('defines users inside accounts only (CVE-2023-47090)', () => {
    expect(config()).not.toContain('authorization');
    expect(config().indexOf('accounts {')).toBeLessThan(config().indexOf('user:'));
  });

  it('gives no user an empty allow list, which would allow everything', () => {
    expect(config()).not.toMatch(/allow: \[\]/);
    const reader = { name: 'reader', password: 'r', publish: [], subscribe: ['live.>'] };
    const accounts = natsAccountsConfig([{ name: 'ROOKERY', users: [reader] }], 'admin');
    expect(accounts).not.toMatch(/allow: \[\]/);
    expect(accounts).toContain('publish: { deny: [">"] }');
  });

  it('quotes passwords that hold quotes, backslashes and control characters', () => {
    expect(config({ orders: 'a"b\\c\nd$e' })).toContain('password: "a\\"b\\\\c\\x0ad$e"');
  });

  it('keeps the users of several accounts apart by a prefix', () => {
    const names = brokerUsers(passwords, { prefix: 'w1-' }).map(({ name }) => name);
    expect(names).toEqual(['w1-gateway', 'w1-auth', 'w1-products', 'w1-orders', 'w1-payments']);
  });

  it('lets the gateway publish requests only', () => {
    const [gateway] = brokerUsers(passwords);
    expect(gateway?.publish.every((subject) => subject.startsWith('rpc.'))).toBe(true);
  });
});
