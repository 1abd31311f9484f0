import { AuthRpc } from '@rookery/contracts';
import { TestCaller } from '@rookery/testing';
import { AuthUnderTest } from './auth-under-test';

const PASSWORD = 'violet anchor runs slowly';

describe('registration', () => {
  let auth: AuthUnderTest;
  let gateway: TestCaller;

  beforeAll(async () => {
    auth = await AuthUnderTest.start();
    gateway = await TestCaller.connect(auth.broker);
  });
  afterAll(() => auth.stop());

  const register = (email: string, password = PASSWORD) =>
    gateway.call(AuthRpc.register, { email, password, name: 'Carla Crow' });

  it('creates an account that can sign in, regardless of the case of the address', async () => {
    const account = await register('Carla@Example.com');
    expect(account).toMatchObject({ email: 'carla@example.com', name: 'Carla Crow' });
    expect(await auth.canSignIn('CARLA@example.com', PASSWORD)).toBe(true);
  });

  it('uses the address of a person without a name', async () => {
    const account = await gateway.call(AuthRpc.register, { email: 'hugo.heron@example.com', password: PASSWORD });
    expect(account.name).toBe('hugo.heron');
  });

  it('stores the password as an Argon2id hash only', async () => {
    await register('dora@example.com');
    const [row] = await auth.database.query<{ password_hash: string }>(
      `SELECT password_hash FROM users WHERE email = 'dora@example.com'`,
    );
    expect(row?.password_hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/u);
  });

  it('answers 409 for an existing address, regardless of case, without revealing that it exists', async () => {
    await register('emil@example.com');
    await expect(register('EMIL@example.com', 'another long passphrase')).rejects.toMatchObject({
      status: 409,
      code: 'auth.account-not-created',
    });
    const page = await auth.submitSignIn(
      await auth.client('rookery-cli'),
      'emil@example.com',
      'another long passphrase',
    );
    expect(page.status).toBe(401);
  });

  it('creates one account for parallel registrations of one address', async () => {
    const results = await Promise.allSettled(Array.from({ length: 6 }, () => register('frida@example.com')));
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
  });

  it.each(['Password1234!', 'gustav-has-a-cat'])('rejects the password %s with 400', async (password) => {
    await expect(register('gustav@example.com', password)).rejects.toMatchObject({ status: 400 });
    expect(await auth.database.query(`SELECT 1 FROM users WHERE email = 'gustav@example.com'`)).toHaveLength(0);
  });

  it.each(['short', 'x'.repeat(129)])(
    'rejects the password %s, which the caller should have rejected',
    async (password) => {
      const cause: unknown = expect.objectContaining({ status: 400, code: 'rpc.contract-broken' });
      await expect(register('gustav@example.com', password)).rejects.toMatchObject({ status: 503, cause });
      expect(await auth.database.query(`SELECT 1 FROM users WHERE email = 'gustav@example.com'`)).toHaveLength(0);
    },
  );
});
