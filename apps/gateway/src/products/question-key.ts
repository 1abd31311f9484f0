import { createHash } from 'node:crypto';
import type { RpcContract } from '@rookery/contracts';

/**
 * Where the answer to a question is kept: made of the whole request as its contract read it, so that no parameter, also none that is added
 * later, can be left out. The same request in another order of fields has the same key; the key's length does not depend on it.
 */
export function questionKey(contract: Pick<RpcContract, 'subject'>, request: unknown): string {
  return createHash('sha256')
    .update(canonicalJson([contract.subject, request]))
    .digest('base64url');
}

/** JSON with the members of each object in the order of their names; an undefined member is none (as in RFC 8785, for values that came from JSON). */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_name, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member) ? sortedByName(member) : member,
  );
}

function sortedByName(object: object): object {
  return Object.fromEntries(Object.entries(object).sort(([one], [other]) => (one < other ? -1 : 1)));
}
