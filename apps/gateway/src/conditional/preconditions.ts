import { DomainError, InvalidInput } from '@rookery/platform';
import { parseEntityTags } from './entity-tag';

/** Most tags one `If-Match` may list: what the products contract takes. */
const MAX_TAGS = 16;
/** Our tags begin with the version: `"7"` or, where stock is part of the representation, `"7.120"`. */
const OUR_TAG = /^(?<version>[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?$/;

/** A change that must name the version it is based on did not (RFC 6585, section 3). */
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
 * The versions that `If-Match` accepts; null for `*`. Weak tags and tags that are not ours match no version (strong comparison,
 * RFC 9110, section 13.1.1), so they are left out and the service answers 412.
 * @throws PreconditionRequired (428) without the header, InvalidInput (400) when it is malformed
 */
export function expectedVersions(ifMatch: string | undefined): number[] | null {
  if (ifMatch === undefined) throw new PreconditionRequired();
  const tags = parseEntityTags('If-Match', ifMatch);
  if (tags === '*') return null;
  if (tags.length > MAX_TAGS) {
    throw new InvalidInput([{ pointer: '#/header/If-Match', detail: `must list at most ${MAX_TAGS} entity tags` }]);
  }
  return tags.flatMap((tag) => {
    const version = tag.weak ? undefined : OUR_TAG.exec(tag.opaque)?.groups?.['version'];
    return version === undefined ? [] : [Number(version)];
  });
}
