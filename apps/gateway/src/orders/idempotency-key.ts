import { DomainError } from '@rookery/platform';

/** Visible ASCII only: a key with a space is mostly two headers that a proxy joined. */
const VISIBLE_ASCII = /^[\x21-\x7e]{8,255}$/;
/** The quoted form: a string of RFC 9651 (structured fields), in which only `"` and `\` are escaped. */
const QUOTED = /^"(?<text>(?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/;

/** A request that must not be done twice came without a key. */
export class IdempotencyKeyMissing extends DomainError {
  constructor() {
    super({
      status: 400,
      code: 'orders.idempotency-key-missing',
      title: 'Idempotency-Key missing',
      detail:
        'Send an Idempotency-Key header with a value of your own, such as a UUID: it makes a repeated request safe.',
      errors: [{ pointer: '#/header/Idempotency-Key', detail: 'is required' }],
    });
  }
}

/** The key is not 8..255 visible ASCII characters. */
export class IdempotencyKeyMalformed extends DomainError {
  constructor() {
    super({
      status: 400,
      code: 'orders.idempotency-key-malformed',
      title: 'Idempotency-Key malformed',
      detail: 'An Idempotency-Key is 8 to 255 visible ASCII characters, bare or in double quotes.',
      errors: [{ pointer: '#/header/Idempotency-Key', detail: 'must be 8..255 visible ASCII characters' }],
    });
  }
}

/**
 * The client's idempotency key, the same for its quoted and its bare form.
 * @throws IdempotencyKeyMissing, IdempotencyKeyMalformed (400)
 */
export function idempotencyKey(header: string | undefined): string {
  if (header === undefined || header.trim() === '') throw new IdempotencyKeyMissing();
  const key = unquoted(header.trim());
  if (key === undefined || !VISIBLE_ASCII.test(key)) throw new IdempotencyKeyMalformed();
  return key;
}

function unquoted(value: string): string | undefined {
  if (!value.startsWith('"')) return value;
  return QUOTED.exec(value)?.groups?.['text']?.replace(/\\(["\\])/g, '$1');
}
