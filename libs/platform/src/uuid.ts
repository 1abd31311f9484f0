export { v7 as uuidv7 } from 'uuid';

/**
 * The first 48 bits of a UUID v7 are milliseconds since 1970 (RFC 9562, section 5.7). The package uuid cannot read or write bounds
 * between ids: its `parse` and `stringify` reject every id without a version.
 */
const TIME_DIGITS = 12;
const LAST_MS = 2 ** 48 - 1;

/** Lower bound of the UUIDs v7 made at this time or later; higher than all made before. Clamped to the times that a UUID can hold. */
export function firstUuidAt(time: Date): string {
  const ms = Math.min(Math.max(time.getTime(), 0), LAST_MS);
  const digits = ms.toString(16).padStart(TIME_DIGITS, '0');
  return `${digits.slice(0, 8)}-${digits.slice(8)}-0000-0000-000000000000`;
}

/** When a UUID v7, or a bound of `firstUuidAt`, was made. */
export function timeOfUuid(id: string): Date {
  return new Date(Number.parseInt(id.replaceAll('-', '').slice(0, TIME_DIGITS), 16));
}
