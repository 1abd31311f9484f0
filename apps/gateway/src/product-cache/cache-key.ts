import { createHash } from 'node:crypto';
import type { RpcContract } from '@rookery/contracts';

/**
 * The cache key of a request. It covers the whole request as its contract parsed it, so that no parameter can be left out, not even
 * one that is added later. The order of fields does not matter, and every key has the same length.
 */
export function cacheKey(contract: Pick<RpcContract, 'subject'>, request: unknown): string {
  return createHash('sha256')
    .update(canonicalJson([contract.subject, request]))
    .digest('base64url');
}

/** JSON with sorted object members; undefined members are left out (as in RFC 8785, for values that came from JSON). */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_name, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member) ? sortedByName(member) : member,
  );
}

function sortedByName(object: object): object {
  return Object.fromEntries(Object.entries(object).sort(([one], [other]) => (one < other ? -1 : 1)));
}
