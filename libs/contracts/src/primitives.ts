import { z } from 'zod';

/**
 * Text that people write and every store accepts: 1..max characters, no NUL, no lone surrogate (both pass JSON and fail in
 * Postgres). Parsing brings it into Unicode's form NFC (UAX #15), so that an accent typed as a character of its own and one
 * typed as part of its letter are the same text everywhere behind this point. Leading and trailing white space is not allowed
 * to make two names look alike.
 */
export const Text = (max: number, min = 1) =>
  z
    .string()
    .normalize('NFC')
    .min(min)
    .max(max)
    .refine((value) => !value.includes('\u0000'), 'must not contain U+0000')
    .refine((value) => value.isWellFormed(), 'must be well-formed Unicode')
    .refine((value) => value.trim() === value, 'must not start or end with white space');

/** A resource's id: UUID version 7 (RFC 9562), made by the service that owns the resource. Upper case is the same id. */
export const Id = z.uuid().toLowerCase();
export type Id = z.infer<typeof Id>;

/** A point in time as RFC 3339 in UTC. */
export const Timestamp = z.iso.datetime();
export type Timestamp = z.infer<typeof Timestamp>;

/** Units of one product in one order line, or in stock: whole numbers only. */
export const Quantity = z.int().min(1).max(10_000);

/** A row's version: starts at 1 and grows by one with each change. */
export const Version = z.int().min(1);

/** A count that is never negative. */
export const Count = z.int().min(0);
