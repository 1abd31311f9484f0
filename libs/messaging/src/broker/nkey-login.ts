import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { type Authenticator, nkeys } from '@nats-io/nats-core';
import { UnusableSetting } from '@rookery/platform';

type NkeyPair = ReturnType<typeof nkeys.fromSeed>;

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
/** Precedes the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410, 7). */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');
/** A seed consists of a two-byte prefix, the key, and a checksum. */
const KEY_IN_SEED = [2, 34] as const;

/**
 * Answers the broker's challenge with the nkey of a seed. `nkeyAuthenticator` of the client does the same in JavaScript, about a
 * hundred times slower: a busy process would exceed the two seconds that nats-server waits.
 * @throws {UnusableSetting} when the seed is malformed
 */
export function nkeyLogin(seed: string): Authenticator {
  const nkey = nkeyOf(seed);
  const key = privateKeyOf(seed);
  return (nonce = '') => ({ nkey, sig: sign(null, Buffer.from(nonce), key).toString('base64') });
}

/**
 * The seed's public key, `U…`. It takes some milliseconds, once per process.
 * @throws {UnusableSetting} when the seed is malformed
 */
export const nkeyOf = (seed: string): string => pairOf(seed).getPublicKey();

/** Checks prefix and checksum of the seed. */
function pairOf(seed: string): NkeyPair {
  try {
    return nkeys.fromSeed(new TextEncoder().encode(seed));
  } catch (cause) {
    throw new UnusableSetting('NATS_NKEY_SEED is malformed: its checksum is wrong. Copy the whole seed again.', {
      cause,
    });
  }
}

/** The library keeps the private key to itself, and signs with it in JavaScript only. */
function privateKeyOf(seed: string): KeyObject {
  return createPrivateKey({
    key: Buffer.concat([PKCS8_HEAD, decodeBase32(seed).subarray(...KEY_IN_SEED)]),
    format: 'der',
    type: 'pkcs8',
  });
}

function decodeBase32(text: string): Buffer {
  const bits = Array.from(text, (letter) => BASE32.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}
