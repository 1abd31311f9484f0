import { z } from 'zod';
import { type Caller, type Requester, Requesters, type Service } from '@rookery/contracts';
import { APPS, SERVICES } from '../stack/app-process';
import { UserError, WRONG_USAGE } from '../terminal/user-error';
import type { Rotation, Say } from './rotation';

/** What is to be rotated, and whose. */
export const RotationRequest = z.discriminatedUnion('what', [
  z.object({ what: z.literal('database-password'), whose: z.array(z.enum(SERVICES)) }),
  z.object({ what: z.literal('nats-key'), whose: z.array(z.enum(APPS)) }),
  z.object({ what: z.literal('internal-key'), whose: z.array(z.enum(Requesters)) }),
  z.object({ what: z.literal('cookie-key'), whose: z.array(z.literal('auth')) }),
]);
export type RotationRequest = z.infer<typeof RotationRequest>;

/** Each credential that can be rotated, and who has one. */
const owners = {
  'database-password': SERVICES,
  'nats-key': APPS,
  'cookie-key': ['auth'],
  'internal-key': Requesters,
  'signing-key': ['auth'],
} as const satisfies Readonly<Record<RotationRequest['what'] | 'signing-key', readonly Caller[]>>;
export type Rotatable = keyof typeof owners;

/** The names of the credentials. */
export const ROTATABLE_NAMES: readonly string[] = Object.keys(owners);

/** Which credentials the services have, for people. */
export const ROTATABLE = [
  'Which services have one:',
  ...Object.entries(owners).map(([name, whose]) => `  ${name.padEnd(18)} ${whose.join(', ')}`),
].join('\n');

/**
 * The services whose credential is replaced: those that are named, else all that have one.
 * @throws {UserError} when a service is named that has none
 */
export function ownersOf(what: Rotatable, named: readonly string[]): readonly string[] {
  const all: readonly string[] = owners[what];
  const without = named.filter((name) => !all.includes(name));
  if (without.length > 0) {
    throw new UserError(`${without.join(', ')}: no ${what} there.`, `One of: ${all.join(', ')}`, WRONG_USAGE);
  }
  return named.length === 0 ? all : named;
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
