import { DomainError } from '../errors/domain-error';
import { problemOfStatus } from '../errors/to-problem';

/** 415: a body whose encoding this system does not support. */
export class UnsupportedMediaType extends DomainError {
  constructor() {
    super(problemOfStatus(415));
  }
}

const CHARSET = /;\s*charset\s*=\s*("[^"]*"|[^;\s]*)/gi;

/**
 * Refuses a JSON body that says it is in another character encoding than UTF-8 (RFC 8259, 8.1 knows no other) or that has a
 * content coding (RFC 9110, 8.4: none is decoded here). Ignoring either would change the meaning of the body.
 */
export function refuseForeignCoding(contentType: string | undefined, contentEncoding: string | undefined): void {
  const charsets = Array.from((contentType ?? '').matchAll(CHARSET), ([, name = '']) =>
    name.replaceAll('"', '').toLowerCase(),
  );
  const coding = contentEncoding?.trim().toLowerCase() ?? 'identity';
  if (charsets.some((name) => name !== 'utf-8') || coding !== 'identity') {
    throw new UnsupportedMediaType();
  }
}
