import { createHash } from 'node:crypto';
import { hash, type Options, verify } from '@node-rs/argon2';

/** OWASP Password Storage Cheat Sheet: Argon2id (the library's default variant), 19 MiB, two passes, one lane. */
const OPTIONS: Options = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** RFC 9106, 4. */
const SALT_BYTES = 16;

/** Used for unknown users, so that an unknown name takes as long as a wrong password. */
let decoy: Promise<string> | undefined;

/** One form for characters that keyboards and systems encode differently (NIST SP 800-63B, section 3.1.1.2). */
export const normalizedPassword = (password: string): string => password.normalize('NFKC');

export const hashPassword = (password: string): Promise<string> => hash(normalizedPassword(password), OPTIONS);

/**
 * A deterministic hash of password and salt, as hard to reverse as `hashPassword`. `salt` must be unique per use; it need not be secret.
 */
export const comparablePassword = (password: string, salt: string): Promise<string> =>
  hash(normalizedPassword(password), {
    ...OPTIONS,
    salt: createHash('sha256').update(salt).digest().subarray(0, SALT_BYTES),
  });

/** `outdated`: correct, but the hash was made before passwords were normalized. */
export type PasswordMatch = 'current' | 'outdated' | 'none';

/** Not faster for an unknown user: the number of tried forms depends only on the input. */
export async function matchPassword(storedHash: string | undefined, password: string): Promise<PasswordMatch> {
  decoy ??= hashPassword('no account has this password');
  const compared = storedHash ?? (await decoy);
  const current = normalizedPassword(password);
  if ((await verify(compared, current)) && storedHash !== undefined) {
    return 'current';
  }
  const asBefore = new Set([password, password.normalize('NFD'), password.normalize('NFC')]);
  asBefore.delete(current);
  for (const spelling of asBefore) {
    if ((await verify(compared, spelling)) && storedHash !== undefined) {
      return 'outdated';
    }
  }
  return 'none';
}
