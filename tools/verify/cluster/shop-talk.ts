import { z } from 'zod';

/** What the shopper's programs say on stdout, a JSON object a line; the last line is the result. */
export const Said = z.union([
  z.object({ started: z.literal(true) }),
  /** Orders under way just now. */
  z.object({ pending: z.number() }),
  z.object({ failed: z.string() }),
  z.object({ result: z.unknown() }),
]);
export type Said = z.infer<typeof Said>;

/** One order, followed to its end. */
export const OneOrder = z.object({ id: z.string(), status: z.string(), milliseconds: z.number() });

/** Requests of which none is sent twice. */
export const SteadyResult = z.object({
  answered: z.number(),
  failures: z.array(z.string()),
  orders: z.number(),
  /** Orders with another end than they must have, or none. */
  wrong: z.array(z.string()),
});

/** Customers who try again, with the same key, until they have an answer. */
export const RestlessResult = z.object({
  statuses: z.record(z.string(), z.number()),
  orders: z.number(),
  endings: z.record(z.string(), z.number()),
  /** Keys without an answer or with two orders, orders without an end, stock that does not add up. */
  wrong: z.array(z.string()),
});

/** Of each address `host:port`: whether a connection came about. */
export const Reach = z.record(z.string(), z.boolean());
