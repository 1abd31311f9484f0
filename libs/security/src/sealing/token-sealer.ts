import { base64url, compactDecrypt, CompactEncrypt } from 'jose';

const KEY_BYTES = 32;

/**
 * Encrypts a payment token between the services that need it: compact JWE (RFC 7516), alg `dir`, A256GCM, with a shared key.
 *
 * @example
 * const sealed = await new TokenSealer(key).seal('tok_ok');
 * const token = await new TokenSealer(key).open(sealed);
 */
export class TokenSealer {
  private readonly key: Uint8Array;

  /**
   * `key` is 32 bytes as base64url.
   * @throws {Error} when it is not
   */
  constructor(key: string) {
    this.key = base64url.decode(key);
    if (this.key.length !== KEY_BYTES) {
      throw new Error('SEALING_KEY must be 32 bytes as base64url');
    }
  }

  /** The text as a compact JWE. */
  async seal(text: string): Promise<string> {
    return new CompactEncrypt(new TextEncoder().encode(text))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
      .encrypt(this.key);
  }

  /**
   * The sealed text.
   * @throws {JWEDecryptionFailed} (jose) when it was changed or sealed with another key
   */
  async open(jwe: string): Promise<string> {
    const { plaintext } = await compactDecrypt(jwe, this.key, {
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: ['A256GCM'],
    });
    return new TextDecoder().decode(plaintext);
  }
}
