import { createHash } from 'node:crypto';
import { InvalidInput } from '@rookery/platform';
import type { StranglerRoute } from './strangler-routes';

/** Which side serves a request: the legacy system, or the route of this gateway. */
export type Upstream = 'legacy' | 'new';

/** Header with which a caller chooses, if the route allows it. */
export const UPSTREAM_HEADER = 'x-rookery-upstream';

const BUCKETS = 10_000;

/** A caller's bucket, 0 to 9,999. Each prefix distributes callers differently, so that the same ones do not always go first. */
export function bucketOf(prefix: string, caller: string): number {
  return createHash('sha256').update(`${prefix}\n${caller}`).digest().readUInt32BE(0) % BUCKETS;
}

/**
 * The side that serves this caller. It is the same on every replica and after every restart, and changes at most once while the
 * percentage decreases. If the route allows it, the header decides; otherwise the header is ignored.
 */
export function chooseUpstream(
  { prefix, legacyPercent, choiceByHeader }: Pick<StranglerRoute, 'prefix' | 'legacyPercent' | 'choiceByHeader'>,
  caller: string,
  header: string | string[] | undefined,
): Upstream {
  if (choiceByHeader && header !== undefined) {
    return named(header);
  }
  return bucketOf(prefix, caller) < legacyPercent * (BUCKETS / 100) ? 'legacy' : 'new';
}

function named(header: string | string[]): Upstream {
  if (header === 'legacy' || header === 'new') {
    return header;
  }
  throw new InvalidInput([{ pointer: `#/header/${UPSTREAM_HEADER}`, detail: 'must be legacy or new' }]);
}
