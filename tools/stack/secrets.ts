import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Services } from '@rookery/contracts';
import { exportJWK, generateKeyPair } from 'jose';
import { z } from 'zod';
import { makeSeeds } from './broker-accounts';
import { StackError } from './stack-error';

const passwords = z.object({
  gateway: z.string(),
  auth: z.string(),
  products: z.string(),
  orders: z.string(),
  payments: z.string(),
});
const jwk = z.looseObject({ kid: z.string() });

const Secrets = z.object({
  postgres: z.string(),
  databases: passwords.omit({ gateway: true }),
  /** Services that log in to their database by their second role (`npm run rotate -- database-password`). */
  secondRoles: z.array(z.enum(Services)).default([]),
  /** Seeds of nkeys. */
  broker: passwords.extend({ admin: z.string() }),
  /** Private JWKs of the processes that call others. */
  internalKeys: z.object({ gateway: jwk, orders: jwk }),
  internalJwks: z.object({ keys: z.array(jwk) }),
  /** 32 bytes each, base64url. */
  sealingKey: z.string(),
  keyEncryptionKey: z.string(),
  cookieKeys: z.array(z.string()),
  /** Data folders from before have none: it is made when they are read. */
  cursorKey: z.string().default(() => random(32)),
  /** For deployments with Redis; data folders from before have none, and do not need it. */
  redis: z.string().default(() => random()),
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
  const [gateway, orders] = [await makeInternalKey('gateway'), await makeInternalKey('orders')];
  const databases = { auth: random(), products: random(), orders: random(), payments: random() };
  return {
    postgres: random(),
    databases,
    secondRoles: [],
    broker: makeSeeds(),
    internalKeys: { gateway: gateway.signing, orders: orders.signing },
    internalJwks: { keys: [gateway.published, orders.published] },
    sealingKey: random(32),
    keyEncryptionKey: random(32),
    cookieKeys: [random(), random()],
    cursorKey: random(32),
    redis: random(),
  };
}

/** The data folder's secrets, made when it has none. Readable by the owner only. */
export async function provideSecrets(dataFolder: string): Promise<Secrets> {
  const folder = join(dataFolder, 'secrets');
  const file = join(folder, 'secrets.json');
  if (existsSync(file)) {
    try {
      const found: unknown = JSON.parse(readFileSync(file, 'utf8'));
      const secrets = Secrets.parse(found);
      // What this version has made anew stays the same at the next start.
      if (!isDeepStrictEqual(secrets, found)) saveSecrets(dataFolder, secrets);
      return secrets;
    } catch {
      throw new StackError(
        `${file} cannot be read as this version's secrets.`,
        '`npm run reset` empties the data and makes new ones.',
      );
    }
  }
  const secrets = await makeSecrets();
  saveSecrets(dataFolder, secrets);
  return secrets;
}

/** Keeps changed secrets for the next start. Readable by the owner only. */
export function saveSecrets(dataFolder: string, secrets: Secrets): void {
  const folder = join(dataFolder, 'secrets');
  const file = join(folder, 'secrets.json');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.new`, JSON.stringify(secrets, null, 2), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
