import { base64url, compactDecrypt, CompactEncrypt } from 'jose';

const KEY_BYTES = 32;

/**
 * Keeps a payment token unreadable between the services that need it: compact JWE (RFC 7516), alg `dir`, A256GCM, under a key that
 * both have.
 */
export class TokenSealer {
  private readonly key: Uint8Array;

  /** `key` is 32 bytes as base64url; throws when it is not. */
  constructor(key: string) {
    this.key = base64url.decode(key);
    if (this.key.length !== KEY_BYTES) throw new Error('SEALING_KEY must be 32 bytes as base64url');
  }

  async seal(text: string): Promise<string> {
    return new CompactEncrypt(new TextEncoder().encode(text))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
      .encrypt(this.key);
  }

  /** The sealed text. Throws when it was changed or sealed under another key. */
  async open(jwe: string): Promise<string> {
    const { plaintext } = await compactDecrypt(jwe, this.key, {
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: ['A256GCM'],
    });
    return new TextDecoder().decode(plaintext);
  }
}
