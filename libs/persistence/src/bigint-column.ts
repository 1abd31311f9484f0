/**
 * Transformer of a `bigint` column whose values are safe integers, such as amounts in minor units. The property is a `number` (or
 * `number | null`). Postgres sends bigint as text; the contracts carry a JSON number of at most 2^53-1.
 *
 * @example
 * \@Column({ type: 'bigint', transformer: bigintColumn })
 * totalMinor!: number;
 * @throws {RangeError} in both directions for a value outside that range, because a rounded amount of money would go unnoticed
 */
export const bigintColumn = {
  to(value: number | null | undefined): string | null | undefined {
    if (value === null || value === undefined) {
      return value;
    }
    return String(safe(value));
  },
  from(value: string | null): number | null {
    if (value === null) {
      return null;
    }
    return safe(Number(value));
  },
} as const;

function safe(value: number): number {
  if (!Number.isSafeInteger(value)) {
    throw new RangeError(`${value} is not a safe integer`);
  }
  return value;
}
