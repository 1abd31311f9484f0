import { DomainError } from '../errors/domain-error';

/** A body that is not JSON, or JSON that no store and no schema should have to see. */
export class UnreadableBody extends DomainError {
  constructor(code: string, detail: string) {
    super({ status: 400, code, title: 'Unreadable body', detail, errors: [{ pointer: '', detail }] });
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Keys that reach prototypes. No contract has them. */
const poison = new Set(['__proto__', 'constructor', 'prototype']);
/** Only a text in which one of them can be is walked: escapes can spell any key. */
const suspicious = /__proto__|constructor|prototype|\\u/;

/**
 * Parses a JSON body (RFC 8259) and refuses with 400: no body, bytes that are not UTF-8, anything but JSON, nesting deeper than
 * `maxDepth`, U+0000 and lone surrogates in any string (Postgres stores neither), and keys that reach prototypes.
 */
export function parseJsonBody(bytes: Buffer, maxDepth: number): unknown {
  if (bytes.length === 0) throw new UnreadableBody('request.empty-body', 'must not be empty');
  const text = decode(bytes);
  refuseUnsafeText(text, maxDepth);
  const value = parse(text);
  if (suspicious.test(text)) refusePoison(value);
  return value;
}

function decode(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new UnreadableBody('request.invalid-json', 'must be UTF-8');
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message quotes the body.
    throw new UnreadableBody('request.invalid-json', 'must be JSON');
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LETTER_U = 0x75;
const OPEN_BRACKET = 0x5b;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACKET = 0x5d;
const CLOSE_BRACE = 0x7d;

/**
 * One pass over the text before it is parsed: a recursive parser must never meet 45,000 nested arrays. Decoded UTF-8 has no
 * lone surrogates and JSON no bare control characters, so both can only come as escapes.
 */
function refuseUnsafeText(text: string, maxDepth: number): void {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (inString) {
      if (char === QUOTE) inString = false;
      if (char === BACKSLASH) at += text.charCodeAt(at + 1) === LETTER_U ? refuseUnsafeEscape(text, at) : 1;
      continue;
    }
    if (char === QUOTE) inString = true;
    else if (char === OPEN_BRACKET || char === OPEN_BRACE) depth += 1;
    else if (char === CLOSE_BRACKET || char === CLOSE_BRACE) depth -= 1;
    if (depth > maxDepth) {
      throw new UnreadableBody('request.too-deep', `must not be nested deeper than ${maxDepth} levels`);
    }
  }
}

/** Checks the `\uXXXX` at `at` and answers how many characters after the backslash belong to it. */
function refuseUnsafeEscape(text: string, at: number): number {
  const unit = Number.parseInt(text.slice(at + 2, at + 6), 16);
  if (unit === 0) throw new UnreadableBody('request.unsafe-text', 'must not contain U+0000');
  const isHigh = unit >= 0xd800 && unit <= 0xdbff;
  const isLow = unit >= 0xdc00 && unit <= 0xdfff;
  if (isHigh && /^\\u[dD][c-fC-F]/.test(text.slice(at + 6, at + 10))) return 11;
  if (isHigh || isLow) throw new UnreadableBody('request.unsafe-text', 'must be well-formed Unicode');
  return 5;
}

/** The depth is known to be small here. */
function refusePoison(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, child] of Object.entries(value)) {
    if (poison.has(key)) throw new UnreadableBody('request.unsafe-key', 'must not have keys that reach prototypes');
    refusePoison(child);
  }
}
