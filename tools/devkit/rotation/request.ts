import { z } from 'zod';
import { type Caller, type Requester, Requesters, type Service } from '@rookery/contracts';
import { APPS, SERVICES } from '../stack/app-process';
import { UserError } from '../terminal/user-error';
import type { Rotation, Say } from './rotation';

/** What is to be rotated, and whose. */
export const RotationRequest = z.discriminatedUnion('what', [
  z.object({ what: z.literal('database-password'), whose: z.array(z.enum(SERVICES)) }),
  z.object({ what: z.literal('nats-key'), whose: z.array(z.enum(APPS)) }),
  z.object({ what: z.literal('internal-key'), whose: z.array(z.enum(Requesters)) }),
  z.object({ what: z.literal('cookie-key'), whose: z.array(z.literal('auth')) }),
]);
export type RotationRequest = z.infer<typeof RotationRequest>;

const owners: Readonly<Record<RotationRequest['what'], readonly Caller[]>> = {
  'database-password': SERVICES,
  'nats-key': APPS,
  'internal-key': Requesters,
  'cookie-key': ['auth'],
};

/** What can be rotated, and of which services, for people. */
export const ROTATABLE = `What can be rotated, and of which services:
  database-password  ${SERVICES.join(', ')}
  nats-key           ${APPS.join(', ')}
  cookie-key         auth
  internal-key       ${Requesters.join(', ')}: signs the tokens for the services they call
  signing-key        auth: signs access tokens`;

/**
 * Reads the command line: what, and then whose.
 * @throws {UserError} when it names something that does not exist
 */
export function readRotationRequest([what = '', ...whose]: readonly string[]): RotationRequest {
  const known = Object.entries(owners).find(([name]) => name === what);
  if (known === undefined) {
    throw new UserError(`${JSON.stringify(what)} cannot be rotated.`, ROTATABLE);
  }
  const [, all] = known;
  const request = RotationRequest.safeParse({ what, whose: whose.length === 0 ? all : whose });
  if (request.success) {
    return request.data;
  }
  const without = whose.filter((name) => !all.some((one) => one === name));
  throw new UserError(`${without.join(', ')}: no ${what} there.`, `One of: ${all.join(', ')}`);
}

/** Rotates one after the other. */
export async function executeRotation(rotation: Rotation, request: RotationRequest, say: Say): Promise<void> {
  switch (request.what) {
    case 'database-password':
      return eachOf<Service>(request.whose, (service) => rotation.databasePassword(service, say));
    case 'nats-key':
      return eachOf<Caller>(request.whose, (app) => rotation.natsKey(app, say));
    case 'internal-key':
      return eachOf<Requester>(request.whose, (caller) => rotation.internalKey(caller, say));
    case 'cookie-key':
      return rotation.cookieKey(say);
  }
}

async function eachOf<T>(whose: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  for (const one of whose) {
    await work(one);
  }
}
