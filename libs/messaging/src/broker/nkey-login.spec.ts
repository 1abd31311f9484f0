import { nkeyAuthenticator, nkeys } from '@nats-io/nats-core';
import { nkeyLogin, nkeyOf } from './nkey-login';

describe('nkeyLogin', () => {
  it('signs the broker’s challenge like the client’s authenticator, for any key', () => {
    for (let count = 0; count < 8; count += 1) {
      const seed = nkeys.createUser().getSeed();
      const nonce = `nonce-${count}`;
      const text = new TextDecoder().decode(seed);
      const expected = nkeyAuthenticator(seed)(nonce);
      expect(nkeyLogin(text)(nonce)).toEqual(expected);
      expect(expected).toMatchObject({ nkey: nkeyOf(text) });
    }
  });

  it('rejects a malformed seed', () => {
    const seed = new TextDecoder().decode(nkeys.createUser().getSeed());
    const changed = seed.replace(/.$/, (last) => (last === 'A' ? 'E' : 'A'));
    for (const wrong of ['', 'SU', changed, nkeys.createUser().getPublicKey()]) {
      expect(() => nkeyLogin(wrong)).toThrow(/^NATS_NKEY_SEED /);
    }
  });
});
