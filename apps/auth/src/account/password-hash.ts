import { createHash } from 'node:crypto';
import { hash, verify, type Options } from '@node-rs/argon2';

/** OWASP Password Storage Cheat Sheet: Argon2id (the library's default variant), 19 MiB, two passes, one lane. */
const OPTIONS: Options = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** RFC 9106, 4. */
const SALT_BYTES = 16;

/** Compared with when there is no such user, so that an unknown name takes as long as a wrong password. */
let decoy: Promise<string> | undefined;

export const hashPassword = (password: string): Promise<string> => hash(password, OPTIONS);

/**
 * The same text for the same password and salt, and as hard to guess the password from as `hashPassword`. `salt` must differ from case
 * to case; it need not be secret.
 */
export const comparablePassword = (password: string, salt: string): Promise<string> =>
  hash(password, { ...OPTIONS, salt: createHash('sha256').update(salt).digest().subarray(0, SALT_BYTES) });

export async function passwordMatches(storedHash: string | undefined, password: string): Promise<boolean> {
  if (storedHash !== undefined) return verify(storedHash, password);
  decoy ??= hashPassword('no account has this password');
  await verify(await decoy, password);
  return false;
}
