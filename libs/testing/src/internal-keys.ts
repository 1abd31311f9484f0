import { exportJWK, generateKeyPair, type JSONWebKeySet, type JWK } from 'jose';
import { recordOf, type Requester, Requesters } from '@rookery/contracts';

/** Keys of the tokens between services, as in the dev stack and in production. */
export interface InternalKeys {
  /** Private key of a caller. */
  readonly signingKeyOf: (caller: Requester) => JWK;
  /** The same as text: `INTERNAL_SIGNING_KEY`. */
  readonly signingKeySettingOf: (caller: Requester) => string;
  /** Public keys of all callers. */
  readonly jwks: JSONWebKeySet;
  /** The same as text: `INTERNAL_JWKS`. */
  readonly jwksSetting: string;
}

let keys: Promise<InternalKeys> | undefined;

/** The keys of this test file, created once, so that all its parts accept each other's tokens. */
export function internalKeys(): Promise<InternalKeys> {
  keys ??= makeKeys();
  return keys;
}

async function makeKeys(): Promise<InternalKeys> {
  const made = await Promise.all(Requesters.map(makeKey));
  const privateKeys = recordOf(Requesters, (caller) => {
    const found = made.find(({ privateKey }) => privateKey.kid === caller);
    if (found === undefined) {
      throw new TypeError(`${caller} has no key`);
    }
    return found.privateKey;
  });
  const jwks = { keys: made.map(({ publicKey }) => publicKey) };
  return {
    signingKeyOf: (caller) => privateKeys[caller],
    signingKeySettingOf: (caller) => JSON.stringify(privateKeys[caller]),
    jwks,
    jwksSetting: JSON.stringify(jwks),
  };
}

async function makeKey(kid: Requester): Promise<{ readonly privateKey: JWK; readonly publicKey: JWK }> {
  const pair = await generateKeyPair('ES256', { extractable: true });
  const [privateKey, publicKey] = await Promise.all([exportJWK(pair.privateKey), exportJWK(pair.publicKey)]);
  return { privateKey: { ...privateKey, kid }, publicKey: { ...publicKey, kid } };
}
