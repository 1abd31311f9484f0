/** Ids of orders are UUID v7 (RFC 9562, section 5.7): the first 48 bits are the milliseconds since 1970 at which the order was placed. */
const TIME_DIGITS = 12;
const LAST_MS = 2 ** 48 - 1;

/** Lower than every id of an order that was placed at this time or later; higher than those of the orders before. */
export function firstIdAt(time: Date): string {
  const ms = Math.min(Math.max(time.getTime(), 0), LAST_MS);
  const digits = ms.toString(16).padStart(TIME_DIGITS, '0');
  return `${digits.slice(0, 8)}-${digits.slice(8)}-0000-0000-000000000000`;
}

/** When an order with this id was placed. */
export function placedAt(id: string): Date {
  return new Date(Number.parseInt(id.replaceAll('-', '').slice(0, TIME_DIGITS), 16));
}
