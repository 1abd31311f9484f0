import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { type Authenticator, nkeys } from '@nats-io/nats-core';
import { UnusableSetting } from '@rookery/platform';

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
/** Precedes the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410, 7). */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');
/** A seed consists of a two-byte prefix, the key, and a checksum. */
const KEY_IN_SEED = [2, 34] as const;
const KEY_BYTES = 32;

/**
 * Answers the broker's challenge with the nkey of a seed. `nkeyAuthenticator` of the client does the same in JavaScript, about a
 * hundred times slower: a busy process would exceed the two seconds that nats-server waits.
 * @throws {UnusableSetting} when the seed is malformed
 */
export function nkeyLogin(seed: string): Authenticator {
  const key = privateKeyOf(seed);
  const nkey = publicNkey(key);
  return (nonce = '') => ({ nkey, sig: sign(null, Buffer.from(nonce), key).toString('base64') });
}

/**
 * The seed's public key, `U…`. The library derives it in JavaScript, fifteen times slower (3.7 ms to 0.25 ms); one broker's configuration needs dozens.
 * @throws {UnusableSetting} when the seed is malformed
 */
export const nkeyOf = (seed: string): string => publicNkey(privateKeyOf(seed));

function privateKeyOf(seed: string): KeyObject {
  try {
    // Checks prefix and checksum.
    nkeys.fromSeed(new TextEncoder().encode(seed));
  } catch (cause) {
    throw new UnusableSetting('NATS_NKEY_SEED is malformed: its checksum is wrong. Copy the whole seed again.', {
      cause,
    });
  }
  return createPrivateKey({
    key: Buffer.concat([PKCS8_HEAD, decodeBase32(seed).subarray(...KEY_IN_SEED)]),
    format: 'der',
    type: 'pkcs8',
  });
}

/** The prefix, the key that ends its SPKI form, and a checksum. */
function publicNkey(privateKey: KeyObject): string {
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  const bytes = Buffer.concat([Buffer.of(nkeys.Prefix.User), spki.subarray(-KEY_BYTES), Buffer.alloc(2)]);
  bytes.writeUInt16LE(crc16(bytes.subarray(0, -2)), 1 + KEY_BYTES);
  return encodeBase32(bytes);
}

/** CRC-16/XMODEM. */
function crc16(bytes: Buffer): number {
  return bytes.reduce((sum, byte) => {
    let next = sum ^ (byte << 8);
    for (let bit = 0; bit < 8; bit += 1) {
      next = (next << 1) ^ ((next & 0x8000) === 0 ? 0 : 0x1021);
    }
    return next & 0xffff;
  }, 0);
}

function decodeBase32(text: string): Buffer {
  const bits = Array.from(text, (letter) => BASE32.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

function encodeBase32(bytes: Buffer): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{5}/g) ?? []).map((five) => BASE32.charAt(Number.parseInt(five, 2))).join('');
}
