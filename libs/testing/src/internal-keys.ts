import { exportJWK, generateKeyPair, type JSONWebKeySet, type JWK } from 'jose';

/** Processes that call services. */
export type SigningCaller = 'gateway' | 'orders';

/** Keys of the tokens between services, as the dev stack and production have them. */
export interface InternalKeys {
  /** Private key of a caller. */
  readonly signingKeyOf: (caller: SigningCaller) => JWK;
  /** The same as text: `INTERNAL_SIGNING_KEY`. */
  readonly signingKeySettingOf: (caller: SigningCaller) => string;
  /** Public keys of all callers. */
  readonly jwks: JSONWebKeySet;
  /** The same as text: `INTERNAL_JWKS`. */
  readonly jwksSetting: string;
}

let keys: Promise<InternalKeys> | undefined;

/** The keys of this test file, made once: what is signed with one part of it the other part accepts. */
export function internalKeys(): Promise<InternalKeys> {
  keys ??= makeKeys();
  return keys;
}

async function makeKeys(): Promise<InternalKeys> {
  const [gateway, orders] = await Promise.all([makeKey('gateway'), makeKey('orders')]);
  const privateKeys = { gateway: gateway.privateKey, orders: orders.privateKey };
  const jwks = { keys: [gateway.publicKey, orders.publicKey] };
  return {
    signingKeyOf: (caller) => privateKeys[caller],
    signingKeySettingOf: (caller) => JSON.stringify(privateKeys[caller]),
    jwks,
    jwksSetting: JSON.stringify(jwks),
  };
}

async function makeKey(kid: SigningCaller): Promise<{ readonly privateKey: JWK; readonly publicKey: JWK }> {
  const pair = await generateKeyPair('ES256', { extractable: true });
  const [privateKey, publicKey] = await Promise.all([exportJWK(pair.privateKey), exportJWK(pair.publicKey)]);
  return { privateKey: { ...privateKey, kid }, publicKey: { ...publicKey, kid } };
}
