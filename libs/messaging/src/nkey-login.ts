import { createPrivateKey, sign } from 'node:crypto';
import { nkeys, type Authenticator } from '@nats-io/nats-core';
import { UnusableSetting } from '@rookery/platform';

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
/** What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410, 7). */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');
/** A seed is two bytes of kind, the key, and a check sum. */
const KEY_IN_SEED = [2, 34] as const;

/**
 * Answers the broker's challenge by the nkey of a seed. `nkeyAuthenticator` of the client does the same in JavaScript, some hundred times slower: a
 * busy process would miss the two seconds that nats-server waits. Throws UnusableSetting for what is no seed.
 */
export function nkeyLogin(seed: string): Authenticator {
  const nkey = publicKeyOf(seed);
  const key = createPrivateKey({
    key: Buffer.concat([PKCS8_HEAD, decodeBase32(seed).subarray(...KEY_IN_SEED)]),
    format: 'der',
    type: 'pkcs8',
  });
  return (nonce = '') => ({ nkey, sig: sign(null, Buffer.from(nonce), key).toString('base64') });
}

/** Checks the sum too. */
function publicKeyOf(seed: string): string {
  try {
    return nkeys.fromSeed(new TextEncoder().encode(seed)).getPublicKey();
  } catch (cause) {
    const message = 'NATS_NKEY_SEED is no seed: its check sum is wrong. Copy it again, whole.';
    throw new UnusableSetting(message, { cause });
  }
}

function decodeBase32(text: string): Buffer {
  const bits = Array.from(text, (letter) => BASE32.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}
