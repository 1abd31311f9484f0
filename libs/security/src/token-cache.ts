import { createHash } from 'node:crypto';

/**
 * Remembers for a short time what a verified token said, so that a busy client does not cost a signature check per request.
 * Holds hashes, never tokens; the least recently added entry makes room for a new one.
 */
export class TokenCache<Value> {
  private readonly entries = new Map<string, { readonly value: Value; readonly until: number }>();

  constructor(
    private readonly options: { readonly size: number; readonly ttlMs: number },
    private readonly now: () => number = Date.now,
  ) {}

  get(token: string): Value | undefined {
    const key = hash(token);
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.until > this.now()) return entry.value;
    this.entries.delete(key);
    return undefined;
  }

  /** Remembers until `ttlMs` from now or the token's own end, whichever is first. */
  set(token: string, value: Value, expiresAtMs: number): void {
    const until = Math.min(expiresAtMs, this.now() + this.options.ttlMs);
    if (this.entries.size >= this.options.size) {
      const [oldest] = this.entries.keys();
      if (oldest !== undefined) this.entries.delete(oldest);
    }
    this.entries.set(hash(token), { value, until });
  }
}

const hash = (token: string): string => createHash('sha256').update(token).digest('base64url');
