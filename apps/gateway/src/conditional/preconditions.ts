import { DomainError, InvalidInput } from '@rookery/platform';
import { parseEntityTags } from './entity-tag';

/** Most tags in one `If-Match`: the bound of the products contract. */
const MAX_TAGS = 16;
/** Tags of this API start with the version: `"7"` or, if stock is part of the representation, `"7.120"`. */
const VERSION_TAG = /^(?<version>[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?$/;

/** 428: a change does not name the version it is based on (RFC 6585, section 3). */
export class PreconditionRequired extends DomainError {
  constructor() {
    super({
      status: 428,
      code: 'gateway.precondition-required',
      title: 'Precondition required',
      detail: 'Send If-Match with the ETag of the version you read, so that no other change is lost.',
    });
  }
}

/**
 * The versions that `If-Match` accepts; null for `*`. Weak and foreign tags match no version (strong comparison, RFC 9110, section
 * 13.1.1), so they are left out and the service answers 412.
 * @throws {PreconditionRequired} without the header (428)
 * @throws {InvalidInput} when the header is malformed (400)
 */
export function expectedVersions(ifMatch: string | undefined): number[] | null {
  if (ifMatch === undefined) {
    throw new PreconditionRequired();
  }
  const tags = parseEntityTags('If-Match', ifMatch);
  if (tags === '*') {
    return null;
  }
  if (tags.length > MAX_TAGS) {
    throw new InvalidInput([{ pointer: '#/header/If-Match', detail: `must list at most ${MAX_TAGS} entity tags` }]);
  }
  return tags.flatMap((tag) => {
    const version = tag.weak ? undefined : VERSION_TAG.exec(tag.opaque)?.groups?.['version'];
    return version === undefined ? [] : [Number(version)];
  });
}
