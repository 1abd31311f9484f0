/** Maximum nesting of a payload. Deeper ones are rejected before any recursive code sees them. */
export const MAX_JSON_DEPTH = 20;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** A JSON value, or the reason why the payload was rejected. */
export type ParsedJson =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly reason: 'bad-json' | 'too-deep' };

/** Parses a payload as UTF-8 JSON (RFC 8259) with a nesting of at most `MAX_JSON_DEPTH`. Never throws. */
export function parseJson(payload: Uint8Array): ParsedJson {
  try {
    const value: unknown = JSON.parse(utf8.decode(payload));
    return isDeeperThan(value, MAX_JSON_DEPTH) ? { ok: false, reason: 'too-deep' } : { ok: true, value };
  } catch {
    return { ok: false, reason: 'bad-json' };
  }
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  return levels === 0 || Object.values(value).some((child) => isDeeperThan(child, levels - 1));
}
