import { createParamDecorator } from '@nestjs/common';
import { requireContext, type AccessLease, type Actor } from '@rookery/platform';
import { MissingToken } from './http/challenges';

/** Who the running request or message speaks for; throws `MissingToken` (401) when it speaks for nobody. */
export function requireActor(): Actor {
  const { actor } = requireContext();
  if (actor === undefined) throw new MissingToken();
  return actor;
}

/** Parameter decorator: the verified `Actor`, over HTTP and NATS alike; 401 when there is none. */
export const CurrentActor = createParamDecorator((): Actor => requireActor());

/** Parameter decorator: how long the caller's access token lets an answer go on that stays open; 401 when there is no token. */
export const CurrentLease = createParamDecorator((): AccessLease => {
  const { lease } = requireContext();
  if (lease === undefined) throw new MissingToken();
  return lease;
});
