import { DomainError } from '../errors/domain-error';
import { escapeToken } from '../errors/json-pointer';

/** A body that is not JSON, or JSON that must not reach a store or a schema. `pointer` is empty for the body as a whole. */
export class UnreadableBody extends DomainError {
  constructor(code: string, detail: string, pointer = '') {
    super({ status: 400, code, title: 'Unreadable body', detail, errors: [{ pointer, detail }] });
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Keys that reach prototypes. No contract has them. */
const poison = new Set(['__proto__', 'constructor', 'prototype']);
/** Only a text that may contain one of them or an unsafe character is walked: escapes can spell anything. */
const SUSPICIOUS = /__proto__|constructor|prototype|\\u/;

/** 400: the route requires a body and none was sent. */
export const emptyBody = (): UnreadableBody => new UnreadableBody('request.empty-body', 'must not be empty');

/**
 * Parses a JSON body (RFC 8259). An empty body is `undefined`, whatever its media type: the route's contract decides whether it
 * requires one. Refuses with 400: bytes that are not UTF-8, anything but JSON, nesting deeper than
 * `maxDepth`, one name twice in an object (4: readers differ in which they take), U+0000 and lone surrogates in any string (Postgres
 * stores neither), and keys that reach prototypes.
 */
export function parseJsonBody(bytes: Buffer, maxDepth: number): unknown {
  if (bytes.length === 0) {
    return undefined;
  }
  const text = decode(bytes);
  const members = countMembers(text, maxDepth);
  const value = parse(text);
  if (countKeys(value) !== members) {
    throw new UnreadableBody('request.duplicate-key', 'must not name a key of an object twice');
  }
  if (SUSPICIOUS.test(text)) {
    refuseUnsafe(value, '');
  }
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
const OPEN_BRACKET = 0x5b;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACKET = 0x5d;
const CLOSE_BRACE = 0x7d;
const COLON = 0x3a;

/**
 * How many members the objects of a JSON text have: one for each colon outside of strings. One pass before it is parsed, which also sees how
 * deep it is: a recursive parser must never meet 45,000 nested arrays.
 */
function countMembers(text: string, maxDepth: number): number {
  let members = 0;
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (inString) {
      if (char === QUOTE) {
        inString = false;
      }
      if (char === BACKSLASH) {
        at += 1;
      }
      continue;
    }
    if (char === QUOTE) {
      inString = true;
    } else if (char === COLON) {
      members += 1;
    } else if (char === OPEN_BRACKET || char === OPEN_BRACE) {
      depth += 1;
    } else if (char === CLOSE_BRACKET || char === CLOSE_BRACE) {
      depth -= 1;
    }
    if (depth > maxDepth) {
      throw new UnreadableBody('request.too-deep', `must not be nested deeper than ${maxDepth} levels`);
    }
  }
  return members;
}

/** How many keys all objects of a value have: of members with one name the parser has kept the last. The depth is known to be small here. */
function countKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) {
    return 0;
  }
  const children: unknown[] = Object.values(value);
  const own = Array.isArray(value) ? 0 : children.length;
  return children.reduce<number>((count, child) => count + countKeys(child), own);
}

/** The depth is known to be small here. For an unsafe key the pointer names its parent. */
function refuseUnsafe(value: unknown, pointer: string): void {
  if (typeof value === 'string') {
    refuseUnsafeText(value, pointer);
  }
  if (typeof value !== 'object' || value === null) {
    return;
  }
  for (const [key, child] of Object.entries(value)) {
    refuseUnsafeText(key, pointer);
    const inside = `${pointer}/${escapeToken(key)}`;
    if (poison.has(key)) {
      throw new UnreadableBody('request.unsafe-key', 'must not have keys that reach prototypes', inside);
    }
    refuseUnsafe(child, inside);
  }
}

function refuseUnsafeText(text: string, pointer: string): void {
  if (text.includes('\0')) {
    throw new UnreadableBody('request.unsafe-text', 'must not contain U+0000', pointer);
  }
  if (!text.isWellFormed()) {
    throw new UnreadableBody('request.unsafe-text', 'must be well-formed Unicode', pointer);
  }
}
