import type { JSONWebKeySet, JWK } from 'jose';
import { z } from 'zod';
import { SECRET } from '@rookery/platform';

const PublicKey = z.object({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: z.string(),
  y: z.string(),
  kid: z.string().min(1),
});
const PrivateKey = z.object({ ...PublicKey.shape, d: z.string() });
const PublicKeys = z.object({ keys: z.array(PublicKey).min(1) });

/** A setting that holds JSON; error messages never quote it. */
const json = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'must be JSON' });
    return z.NEVER;
  }
});

/** `INTERNAL_SIGNING_KEY` in a config schema: a private ES256 JWK as JSON. Its kid is the process's name, optionally with a dot and a suffix. */
export const signingKeySetting = z
  .string()
  .refine((text) => json.pipe(PrivateKey).safeParse(text).success, 'must be a private P-256 JWK with a kid, as JSON')
  .describe('Private JWK (ES256, kid = name of the process) that signs the tokens for the called services')
  .meta(SECRET);

/** `INTERNAL_JWKS` in a config schema: the public keys of all callers as JSON. */
export const internalJwksSetting = z
  .string()
  .refine(
    (text) => json.pipe(PublicKeys).safeParse(text).success,
    'must be {"keys":[…]} with public P-256 JWKs, as JSON',
  )
  .describe('Public keys (JWK set as JSON) of the processes that may call this service');

/**
 * The key in `INTERNAL_SIGNING_KEY`.
 * @throws {ZodError} when the text is not such a key
 */
export function readSigningKey(text: string): JWK {
  return json.pipe(PrivateKey).parse(text);
}

/**
 * The key set in `INTERNAL_JWKS`, without the parts of private keys.
 * @throws {ZodError} when the text is not a key set
 */
export function readInternalJwks(text: string): JSONWebKeySet {
  return json.pipe(PublicKeys).parse(text);
}
