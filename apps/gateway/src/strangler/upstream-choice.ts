import { createHash } from 'node:crypto';
import { InvalidInput } from '@rookery/platform';
import type { StranglerRoute } from './strangler-routes';

/** Who answers a request: the legacy system, or the route of this gateway. */
export type Upstream = 'legacy' | 'new';

/** Header by which a caller chooses, where the route allows it. */
export const UPSTREAM_HEADER = 'x-rookery-upstream';

const BUCKETS = 10_000;

/** Which of 10,000 groups a caller is in. Prefixes mix callers anew, so that not always the same ones go first. */
export function bucketOf(prefix: string, caller: string): number {
  return createHash('sha256').update(`${prefix}\n${caller}`).digest().readUInt32BE(0) % BUCKETS;
}

/**
 * Who answers this caller. The same caller gets the same side, on every replica and after every restart, and moves at most once
 * while the percentage goes down. The header decides where the route allows it; elsewhere it is not looked at.
 */
export function chooseUpstream(
  { prefix, legacyPercent, choiceByHeader }: Pick<StranglerRoute, 'prefix' | 'legacyPercent' | 'choiceByHeader'>,
  caller: string,
  header: string | string[] | undefined,
): Upstream {
  if (choiceByHeader && header !== undefined) return named(header);
  return bucketOf(prefix, caller) < legacyPercent * (BUCKETS / 100) ? 'legacy' : 'new';
}

function named(header: string | string[]): Upstream {
  if (header === 'legacy' || header === 'new') return header;
  throw new InvalidInput([{ pointer: `#/header/${UPSTREAM_HEADER}`, detail: 'must be legacy or new' }]);
}
