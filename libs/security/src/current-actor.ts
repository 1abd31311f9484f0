import { createParamDecorator } from '@nestjs/common';
import { type AccessLease, type Actor, requireContext } from '@rookery/platform';
import { MissingToken } from './http/challenges';

/**
 * The actor of the current request or message.
 * @throws {MissingToken} when there is none (401)
 */
export function requireActor(): Actor {
  const { actor } = requireContext();
  if (actor === undefined) {
    throw new MissingToken();
  }
  return actor;
}

/** Parameter decorator: the verified `Actor`, for HTTP and NATS; 401 when there is none. */
export const CurrentActor = createParamDecorator((): Actor => requireActor());

/** Parameter decorator: how long the caller's access token allows a response to stay open; 401 without a token. */
export const CurrentLease = createParamDecorator((): AccessLease => {
  const { lease } = requireContext();
  if (lease === undefined) {
    throw new MissingToken();
  }
  return lease;
});
