import { z } from 'zod';
import { StackError } from '@rookery/devkit/terminal/stack-error';

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const Age = z
  .string()
  .regex(/^[1-9][0-9]{0,5}[mhd]$/)
  .transform((text) => Number(text.slice(0, -1)) * UNIT_MS[z.enum(['m', 'h', 'd']).parse(text.slice(-1))]);
const Time = z.iso.datetime({ offset: true }).transform((text) => new Date(text));

/** The time that `30m`, `1h`, `2d` (before now) or an RFC 3339 time means; throws StackError for anything else or what lies ahead. */
export function sinceOf(text: string, now: Date): Date {
  const age = Age.safeParse(text);
  if (age.success) return new Date(now.getTime() - age.data);
  const time = Time.safeParse(text);
  if (!time.success) {
    throw new StackError(
      `--since ${JSON.stringify(text)} is no time.`,
      'Give 30m, 1h, 2d or an RFC 3339 time such as 2026-11-25T08:00:00Z.',
    );
  }
  if (time.data > now) throw new StackError(`--since ${text} lies in the future.`);
  return time.data;
}
