import { InvalidInput } from '@rookery/platform';

/** One entity tag of RFC 9110, section 8.8.3: `opaque` is the text between the quotes. */
export interface EntityTag {
  readonly weak: boolean;
  readonly opaque: string;
}

const ENTITY_TAG = /^(?<weak>W\/)?"(?<opaque>[\x21\x23-\x7e\x80-\xff]*)"/;

/**
 * Reads `If-Match` or `If-None-Match` (RFC 9110, section 13.1): `*`, or a list of strong or weak tags.
 * @throws InvalidInput (400) naming the header when it is neither
 */
export function parseEntityTags(header: string, value: string): '*' | readonly EntityTag[] {
  let rest = value.trim();
  if (rest === '*') return '*';
  const tags: EntityTag[] = [];
  // Read tag by tag: a comma may stand inside the quotes, and one expression for the whole list could be made to backtrack.
  while (rest !== '') {
    const match = ENTITY_TAG.exec(rest);
    if (match?.groups === undefined) throw malformed(header);
    tags.push({ weak: match.groups['weak'] !== undefined, opaque: match.groups['opaque'] ?? '' });
    rest = rest.slice(match[0].length).trimStart();
    if (rest !== '' && !rest.startsWith(',')) throw malformed(header);
    rest = rest.replace(/^[\s,]+/, '');
  }
  if (tags.length === 0) throw malformed(header);
  return tags;
}

/** Whether the client has this representation already: the weak comparison that `If-None-Match` asks for. */
export function isNotModified(ifNoneMatch: string | undefined, current: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const tags = parseEntityTags('If-None-Match', ifNoneMatch);
  if (tags === '*') return true;
  return tags.some((tag) => `"${tag.opaque}"` === current);
}

function malformed(header: string): InvalidInput {
  return new InvalidInput([
    { pointer: `#/header/${header}`, detail: 'must be "*" or a list of entity tags in double quotes' },
  ]);
}
