import type { Service } from '@rookery/contracts';
import { IdempotencyKeyMalformed, IdempotencyKeyMissing } from './idempotency.errors';

/** Visible ASCII only: a key with a space is usually two headers joined by a proxy. */
const VISIBLE_ASCII = /^[\x21-\x7e]{8,255}$/;
/** The quoted form: a string of RFC 9651 (structured fields), in which only `"` and `\` are escaped. */
const QUOTED = /^"(?<text>(?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/;

/**
 * The client's idempotency key, the same for its quoted and its bare form, for a request to that service.
 * @throws {IdempotencyKeyMissing | IdempotencyKeyMalformed} 400
 */
export function idempotencyKeyOf(header: string | undefined, service: Service): string {
  if (header === undefined || header.trim() === '') {
    throw new IdempotencyKeyMissing(service);
  }
  return checkedKey(unquoted(header.trim()), service);
}

/** Returns a valid key unchanged: 8..255 visible ASCII characters. @throws {IdempotencyKeyMalformed} 400 */
export function checkedKey(key: string | undefined, service: Service): string {
  if (key === undefined || !VISIBLE_ASCII.test(key)) {
    throw new IdempotencyKeyMalformed(service);
  }
  return key;
}

function unquoted(value: string): string | undefined {
  if (!value.startsWith('"')) {
    return value;
  }
  return QUOTED.exec(value)?.groups?.['text']?.replace(/\\(["\\])/g, '$1');
}
