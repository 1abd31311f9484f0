/** More of a name than this helps nobody, and how long it is is up to the caller. */
const MAX_NAME = 100;

/** A name as one part of a JSON Pointer (RFC 6901, 3), no longer than a reader needs. */
export function escapeToken(name: string): string {
  return name.slice(0, MAX_NAME).toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1');
}
