import { hash } from '@node-rs/argon2';
import { AuthRpc } from '@rookery/contracts';
import { TestCaller } from '@rookery/testing';
import { AuthUnderTest } from './auth-under-test';

const COMPOSED = 'caf\u00e9 cr\u00e8me br\u00fbl\u00e9e';
const DECOMPOSED = COMPOSED.normalize('NFD');
/** Full-width letters of some East Asian keyboards. */
const WIDE = '\uff43\uff41\uff46\u00e9 cr\u00e8me br\u00fbl\u00e9e';

describe('a password', () => {
  let auth: AuthUnderTest;

  beforeAll(async () => {
    auth = await AuthUnderTest.start();
  });
  beforeEach(() => auth.database.query('DELETE FROM sign_in_failures'));
  afterAll(() => auth.stop());

  const storedHash = async (email: string) =>
    (
      await auth.database.query<{ password_hash: string }>('SELECT password_hash FROM users WHERE email = $1', [email])
    )[0]?.password_hash;
  const register = async (email: string, password: string) => {
    const gateway = await TestCaller.connect(auth.broker);
    await gateway.call(AuthRpc.register, { email, name: 'Somebody', password });
  };

  it.each([
    ['composed', COMPOSED],
    ['decomposed', DECOMPOSED],
    ['wide', WIDE],
  ])('that was chosen %s is the same in every form', async (name, password) => {
    const email = `${name}@example.com`;
    await register(email, password);
    for (const typed of [COMPOSED, DECOMPOSED, WIDE]) {
      expect(await auth.canSignIn(email, typed)).toBe(true);
    }
    expect(await auth.canSignIn(email, COMPOSED.replace('\u00e9', 'e'))).toBe(false);
  });

  it.each([
    ['composed', COMPOSED, DECOMPOSED],
    ['decomposed', DECOMPOSED, DECOMPOSED],
    ['decomposed', DECOMPOSED, COMPOSED],
    ['wide', WIDE, WIDE],
  ])(
    'with an old hash of its %s form is still correct, and is the same in every form from then on',
    async (_, before, typed) => {
      const email = `old-${Math.random().toString(36).slice(2)}@example.com`;
      await register(email, COMPOSED);
      const old = await hash(before, { memoryCost: 19_456, timeCost: 2, parallelism: 1 });
      await auth.database.query('UPDATE users SET password_hash = $2 WHERE email = $1', [email, old]);
      expect(await auth.canSignIn(email, 'not the right one at all')).toBe(false);
      expect(await storedHash(email)).toBe(old);
      expect(await auth.canSignIn(email, typed)).toBe(true);
      for (const later of [COMPOSED, DECOMPOSED, WIDE]) {
        expect(await auth.canSignIn(email, later)).toBe(true);
      }
    },
  );

  it('of the greatest length can be entered in its longer form too', async () => {
    const longest = 'éàüöñ'.normalize('NFC').repeat(25);
    await register('longest@example.com', longest);
    expect(longest.normalize('NFD').length).toBeGreaterThan(128);
    expect(await auth.canSignIn('longest@example.com', longest.normalize('NFD'))).toBe(true);
  });

  it('that is weak in its normalized form is rejected', async () => {
    await expect(
      register(
        'weak@example.com',
        '\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44',
      ),
    ).rejects.toMatchObject({ status: 400 });
  });
});
