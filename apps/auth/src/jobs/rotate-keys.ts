import 'reflect-metadata';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { connect } from '@rookery/persistence';
import { databaseConfig, loadConfig } from '@rookery/platform';
import { authDatabase } from '../data-source';
import { KeyCipher } from '../keys/key-cipher';
import { SigningKeys } from '../keys/signing-keys';

/**
 * Rotates the signing key without an interruption. Between publishing and signing it waits as long as verifiers may cache a key set
 * (jose fetches it again for an unknown key after 30 s at the earliest), so that no verifier receives a token of an unknown key.
 */
const config = loadConfig(
  z.object({
    ...databaseConfig,
    KEY_ENCRYPTION_KEY: z.string().describe('Encrypts signing keys in the database; as the service has it'),
    KEY_PUBLISH_SECONDS: z.coerce
      .number()
      .min(0)
      .default(35)
      .describe('Seconds for which a new key is published before it signs'),
  }),
  { name: 'key rotation' },
);

const say = (line: string) => process.stdout.write(`${line}\n`);

async function rotate(): Promise<void> {
  const dataSource = await connect(authDatabase(config));
  const keys = new SigningKeys(dataSource, new KeyCipher(config.KEY_ENCRYPTION_KEY));
  try {
    say(`published the new key ${await keys.publishNext()}`);
    say(`waiting ${config.KEY_PUBLISH_SECONDS} s until every verifier knows it`);
    await delay(config.KEY_PUBLISH_SECONDS * 1000);
    say(
      `the key ${await keys.activateNext()} signs from now on, in every process within half a minute; the previous key stays published until its tokens have expired`,
    );
    say(`removed ${await keys.dropExpired()} keys whose tokens have expired`);
  } finally {
    await dataSource.destroy();
  }
}

try {
  await rotate();
} catch (error) {
  // A second run continues with the key that this one may have published.
  process.stderr.write(`the key was not rotated: ${error instanceof Error ? error.message : 'unknown error'}\n`);
  process.exitCode = 1;
}
