import { DomainError } from '@rookery/platform';

/** The gateway refuses a missing or malformed key before; this is for any other caller. */
export class IdempotencyKeyMalformed extends DomainError {
  constructor() {
    super({
      status: 400,
      code: 'orders.idempotency-key-malformed',
      title: 'Idempotency-Key malformed',
      detail: 'Placing an order needs an Idempotency-Key of 8 to 255 visible ASCII characters.',
      errors: [{ pointer: '#/header/Idempotency-Key', detail: 'must be 8..255 visible ASCII characters' }],
    });
  }
}

export class IdempotencyKeyReused extends DomainError {
  constructor() {
    super({
      status: 422,
      code: 'orders.idempotency-key-reused',
      title: 'Idempotency key reused',
      detail: 'This key came with another request before: use a new key for a new request.',
    });
  }
}

export class IdempotencyKeyInUse extends DomainError {
  constructor() {
    super({
      status: 409,
      code: 'orders.idempotency-key-in-use',
      title: 'Idempotency key in use',
      detail: 'The first request with this key is still running: try again for its answer.',
      retryAfterSeconds: 1,
    });
  }
}
