import { createParamDecorator } from '@nestjs/common';
import { requireContext, type Actor } from '@rookery/platform';
import { MissingToken } from './http/challenges';

/** Who the running request or message speaks for; throws `MissingToken` (401) when it speaks for nobody. */
export function requireActor(): Actor {
  const { actor } = requireContext();
  if (actor === undefined) throw new MissingToken();
  return actor;
}

/** Parameter decorator: the verified `Actor`, over HTTP and NATS alike; 401 when there is none. */
export const CurrentActor = createParamDecorator((): Actor => requireActor());
