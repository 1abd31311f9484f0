import { z } from 'zod';

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const Age = z
  .string()
  .regex(/^[1-9][0-9]{0,5}[mhd]$/)
  .transform((text) => Number(text.slice(0, -1)) * UNIT_MS[z.enum(['m', 'h', 'd']).parse(text.slice(-1))]);
const Time = z.iso.datetime({ offset: true }).transform((text) => new Date(text));

/**
 * The point in time that an operator means by `30m`, `1h`, `2d` (before now) or by an RFC 3339 time.
 * @throws {RangeError} when the text is neither, or the time is in the future; the message is written for the operator
 */
export function sinceOf(text: string, now: Date): Date {
  const age = Age.safeParse(text);
  if (age.success) {
    return new Date(now.getTime() - age.data);
  }
  const time = Time.safeParse(text);
  if (!time.success) {
    throw new RangeError(
      `${JSON.stringify(text)} is not a time: give 30m, 1h, 2d or an RFC 3339 time such as 2026-11-25T08:00:00Z.`,
    );
  }
  if (time.data > now) {
    throw new RangeError(`${text} is in the future.`);
  }
  return time.data;
}
