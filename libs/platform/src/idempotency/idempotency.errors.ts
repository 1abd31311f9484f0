import type { Service } from '@rookery/contracts';
import { DomainError } from '../errors/domain-error';

const POINTER = '#/header/Idempotency-Key';

/** 400: a request that must not take effect twice has no key. Codes start with the service that stores the key. */
export class IdempotencyKeyMissing extends DomainError {
  constructor(service: Service) {
    super({
      status: 400,
      code: `${service}.idempotency-key-missing`,
      title: 'Idempotency-Key missing',
      detail:
        'Send an Idempotency-Key header with a value of your own, such as a UUID: it makes a repeated request safe.',
      errors: [{ pointer: POINTER, detail: 'is required' }],
    });
  }
}

/** 400: the key is not 8..255 visible ASCII characters. */
export class IdempotencyKeyMalformed extends DomainError {
  constructor(service: Service) {
    super({
      status: 400,
      code: `${service}.idempotency-key-malformed`,
      title: 'Idempotency-Key malformed',
      detail: 'An Idempotency-Key is 8 to 255 visible ASCII characters, bare or in double quotes.',
      errors: [{ pointer: POINTER, detail: 'must be 8..255 visible ASCII characters' }],
    });
  }
}

/** 422: the key belongs to another request. */
export class IdempotencyKeyReused extends DomainError {
  constructor(service: Service) {
    super({
      status: 422,
      code: `${service}.idempotency-key-reused`,
      title: 'Idempotency key reused',
      detail: 'This key was used with another request: use a new key for a new request.',
    });
  }
}

/** 409 with Retry-After: the first request with this key has no answer yet. */
export class IdempotencyKeyInUse extends DomainError {
  constructor(service: Service) {
    super({
      status: 409,
      code: `${service}.idempotency-key-in-use`,
      title: 'Idempotency key in use',
      detail: 'The first request with this key is still running: try again for its answer.',
      retryAfterSeconds: 1,
    });
  }
}
