import { z } from 'zod';

/** How many items a page has: 1..100, 20 by default. Query strings carry text, so the number is read from decimal digits. */
export const PageLimit = z
  .string()
  .regex(/^[0-9]{1,3}$/, 'must be a whole number from 1 to 100')
  .transform(Number)
  .pipe(z.int().min(1).max(100));

/** One that carries a name of 200 characters of three bytes each has 871; a name stored before names were NFC may be thrice as long. */
const MAX_CURSOR_LENGTH = 2_560;

/** An opaque position in a list; signed by the service that owns the list and only valid for the same filter and sort. */
export const Cursor = z
  .string()
  .max(MAX_CURSOR_LENGTH)
  .regex(/^[A-Za-z0-9_-]+$/, 'must be a cursor from an earlier page');

/** A page of a list. `nextCursor` is null on the last page. */
export const pageOf = <Item extends z.ZodType>(id: string, item: Item) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() }).meta({ id });
