import { z } from 'zod';

/** How many items a page has: 1..100, 20 unless told. Query strings carry text, so the number is read from decimal digits. */
export const PageLimit = z
  .string()
  .regex(/^[0-9]{1,3}$/, 'must be a whole number from 1 to 100')
  .transform(Number)
  .pipe(z.int().min(1).max(100));

/** An opaque position in a list; made by the service that owns the list and only valid for the same filter and sort. */
export const Cursor = z
  .string()
  .max(512)
  .regex(/^[A-Za-z0-9_-]+$/, 'must be a cursor from an earlier page');

/** A page of a list. `nextCursor` is null on the last page. */
export const pageOf = <Item extends z.ZodType>(id: string, item: Item) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() }).meta({ id });
