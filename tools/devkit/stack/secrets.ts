import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exportJWK, generateKeyPair } from 'jose';
import { z } from 'zod';
import { recordOf, type Requester, Requesters, Services } from '@rookery/contracts';
import { UserError } from '../terminal/user-error';
import { BROKER_CLIENTS, makeSeeds } from './broker-accounts';

const jwk = z.looseObject({ kid: z.string() });

const Secrets = z.object({
  postgres: z.string(),
  databases: z.object(recordOf(Services, () => z.string())),
  /** Services that log in to their database by their second role (`npx rookery credentials rotate database-password`). */
  secondRoles: z.array(z.enum(Services)),
  /** Seeds of nkeys. */
  broker: z.object(recordOf(BROKER_CLIENTS, () => z.string())),
  /** Private JWKs of the processes that call others. */
  internalKeys: z.object(recordOf(Requesters, () => jwk)),
  internalJwks: z.object({ keys: z.array(jwk) }),
  /** 32 bytes each, base64url. */
  sealingKey: z.string(),
  keyEncryptionKey: z.string(),
  cookieKeys: z.array(z.string()),
  /** Signs the cursors of lists. 32 bytes, base64url. */
  cursorKey: z.string(),
  /** For deployments with Redis. */
  redis: z.string(),
});
/** Everything secret of one stack. Made once per data folder. */
export type Secrets = z.infer<typeof Secrets>;

/** A new password or key, base64url. */
export const random = (bytes = 24): string => randomBytes(bytes).toString('base64url');

/** A key for a process's internal tokens: what it signs with, and what those it calls verify by. */
export async function makeInternalKey(kid: string) {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  const about = { kid, alg: 'ES256', use: 'sig' };
  return {
    signing: { ...(await exportJWK(privateKey)), ...about },
    published: { ...(await exportJWK(publicKey)), ...about },
  };
}

/** Fresh secrets. */
export async function makeSecrets(): Promise<Secrets> {
  const keys = new Map<Requester, Awaited<ReturnType<typeof makeInternalKey>>>();
  for (const caller of Requesters) {
    keys.set(caller, await makeInternalKey(caller));
  }
  return Secrets.parse({
    postgres: random(),
    databases: recordOf(Services, () => random()),
    secondRoles: [],
    broker: makeSeeds(),
    internalKeys: recordOf(Requesters, (caller) => keys.get(caller)?.signing),
    internalJwks: { keys: [...keys.values()].map(({ published }) => published) },
    sealingKey: random(32),
    keyEncryptionKey: random(32),
    cookieKeys: [random(), random()],
    cursorKey: random(32),
    redis: random(),
  });
}

/**
 * The data folder's secrets, made when it has none. What a newer version needs besides (a service that was added, another kind of secret) is
 * made and kept; what is there stays, and with it the data. Readable by the owner only.
 */
export async function provideSecrets(dataFolder: string): Promise<Secrets> {
  const file = join(dataFolder, 'secrets', 'secrets.json');
  const fresh = await makeSecrets();
  if (!existsSync(file)) {
    saveSecrets(dataFolder, fresh);
    return fresh;
  }
  const stored = readStored(file);
  const read = Secrets.safeParse(withMissing(stored, fresh));
  if (!isRecord(stored) || !read.success) {
    throw unreadable(file);
  }
  const secrets = { ...read.data, internalJwks: { keys: allPublished(read.data, fresh) } };
  if (JSON.stringify(secrets) !== JSON.stringify(stored)) {
    saveSecrets(dataFolder, secrets);
  }
  return secrets;
}

function readStored(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    throw unreadable(file);
  }
}

const unreadable = (file: string): UserError =>
  new UserError(
    `${file} cannot be read: it is damaged.`,
    'Put a copy of it back, or let `npm run reset` empty the data and make new secrets.',
  );

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What is stored, and of `fresh` what is not. */
function withMissing(stored: unknown, fresh: unknown): unknown {
  if (stored === undefined) {
    return fresh;
  }
  if (!isRecord(stored) || !isRecord(fresh)) {
    return stored;
  }
  const names = new Set([...Object.keys(stored), ...Object.keys(fresh)]);
  return Object.fromEntries([...names].map((name) => [name, withMissing(stored[name], fresh[name])]));
}

/** The published keys that are stored, and those of callers that had none. */
function allPublished({ internalKeys, internalJwks }: Secrets, fresh: Secrets): Secrets['internalJwks']['keys'] {
  const isNew = ({ kid }: { readonly kid: string }): boolean =>
    !internalJwks.keys.some((key) => key.kid === kid) &&
    Requesters.some((caller) => internalKeys[caller]['x'] === fresh.internalKeys[caller]['x'] && kid === caller);
  return [...internalJwks.keys, ...fresh.internalJwks.keys.filter(isNew)];
}

/** Keeps changed secrets for the next start. Readable by the owner only. */
export function saveSecrets(dataFolder: string, secrets: Secrets): void {
  const folder = join(dataFolder, 'secrets');
  const file = join(folder, 'secrets.json');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.new`, JSON.stringify(secrets, null, 2), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
