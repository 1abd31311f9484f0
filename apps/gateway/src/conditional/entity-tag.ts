import { InvalidInput } from '@rookery/platform';

/** One entity tag of RFC 9110, section 8.8.3: `opaque` is the text between the quotes. */
export interface EntityTag {
  readonly weak: boolean;
  readonly opaque: string;
}

const ENTITY_TAG = /^(?<weak>W\/)?"(?<opaque>[\x21\x23-\x7e\x80-\xff]*)"/;

/**
 * Reads `If-Match` or `If-None-Match` (RFC 9110, section 13.1): `*`, or a list of strong or weak tags.
 * @throws {InvalidInput} when it is neither (400); the error names the header
 */
export function parseEntityTags(header: string, value: string): '*' | readonly EntityTag[] {
  let rest = value.trim();
  if (rest === '*') {
    return '*';
  }
  const tags: EntityTag[] = [];
  // Parsed tag by tag: quotes may contain a comma, and a single expression for the list could be forced to backtrack.
  while (rest !== '') {
    const match = ENTITY_TAG.exec(rest);
    if (match?.groups === undefined) {
      throw malformed(header);
    }
    tags.push({ weak: match.groups['weak'] !== undefined, opaque: match.groups['opaque'] ?? '' });
    rest = rest.slice(match[0].length).trimStart();
    if (rest !== '' && !rest.startsWith(',')) {
      throw malformed(header);
    }
    rest = rest.replace(/^[\s,]+/, '');
  }
  if (tags.length === 0) {
    throw malformed(header);
  }
  return tags;
}

/** Whether the client already has this representation: the weak comparison of `If-None-Match`. */
export function isNotModified(ifNoneMatch: string | undefined, current: string): boolean {
  if (ifNoneMatch === undefined) {
    return false;
  }
  const tags = parseEntityTags('If-None-Match', ifNoneMatch);
  if (tags === '*') {
    return true;
  }
  return tags.some((tag) => `"${tag.opaque}"` === current);
}

function malformed(header: string): InvalidInput {
  return new InvalidInput([
    { pointer: `#/header/${header}`, detail: 'must be "*" or a list of entity tags in double quotes' },
  ]);
}
