import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { clientTls, provideCertificates } from '@rookery/devkit/stack/certificates';
import { makeSecrets } from '@rookery/devkit/stack/secrets';
import { provisioningConfig } from '@rookery/messaging';
import {
  databaseConfig,
  describeBadSettings,
  listSettings,
  parseConfig,
  SECRET,
  type SettingsSchema,
} from '@rookery/platform';
import { appSettings } from './app-settings';
import { kubernetesSecrets } from './deployment-secrets';

/** Every program that reads settings. */
const programs: Readonly<Record<string, SettingsSchema>> = {
  ...appSettings,
  'broker-admin': provisioningConfig,
  migrate: z.object(databaseConfig),
};

/** What a setting that holds a secret is called here. */
const CALLED_LIKE_A_SECRET =
  /PASSWORD|SECRET|CREDENTIAL|_KEYS?$|_SEED$|_TOKEN$|^(?:DATABASE(?:_SESSION)?|REDIS|SMTP)_URL$/;

const secretsOf = (schema: SettingsSchema): readonly string[] =>
  listSettings(schema).flatMap(({ name, secret }) => (secret ? [name] : []));

const table = Object.entries(programs).map(([name, schema]) => [name, schema] as const);
let samples: Readonly<Record<string, Readonly<Record<string, string>>>>;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rookery-secrets-'));
  await provideCertificates(folder);
  const common = {
    NATS_URL: 'nats://127.0.0.1:4222',
    NATS_TLS_KEY: clientTls(folder, 'orders').key.trim(),
    DEMO_MACHINE_SECRET: 'a secret of the demo',
    REDIS_URL: 'redis://:a-password-of-redis@127.0.0.1:6379',
    SMTP_URL: 'smtps://shop:a-password-of-mail@mail.example.com', // part:mails
    MAIL_FROM: 'shop@example.com', // part:mails
    DATABASE_SESSION_URL: 'postgres://orders:a-password-of-sessions@127.0.0.1:5432/orders',
  };
  const made = kubernetesSecrets(await makeSecrets());
  samples = Object.fromEntries(Object.keys(programs).map((name) => [name, { ...common, ...made[name] }]));
  const { DATABASE_SESSION_URL } = common;
  samples = { ...samples, migrate: { DATABASE_URL: made['orders']?.['DATABASE_URL'] ?? '', DATABASE_SESSION_URL } };
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What a program writes when it cannot start with `env`. */
function failureOf(schema: SettingsSchema, env: Readonly<Record<string, string>>): string {
  const result = parseConfig(schema, env);
  if (result.ok) {
    throw new Error('the program would start');
  }
  return describeBadSettings('a program', result.bad);
}

describe.each(table)('the secrets of %s', (name, schema) => {
  it('are marked as such, all of them and nothing else', () => {
    const called = Object.keys(schema.shape).filter((setting) => CALLED_LIKE_A_SECRET.test(setting));
    expect(called.toSorted()).toEqual(secretsOf(schema).toSorted());
    expect(secretsOf(schema)).not.toEqual([]);
  });

  it('are read from files as well', () => {
    const sample = samples[name] ?? {};
    const byFile = Object.fromEntries(
      Object.entries(sample).map(([setting, value]) => {
        if (!secretsOf(schema).includes(setting)) {
          return [setting, value];
        }
        const file = join(folder, `${name}.${setting}`);
        writeFileSync(file, `${value}\n`);
        return [`${setting}_FILE`, file];
      }),
    );
    const given = parseConfig(schema, sample);
    if (!given.ok) {
      throw new Error(JSON.stringify(given.bad));
    }
    expect(parseConfig(schema, byFile)).toEqual(given);
    // Each of them really came by file: none was left to its default.
    expect(secretsOf(schema).filter((setting) => byFile[`${setting}_FILE`] === undefined)).toEqual([]);
  });

  it('stay unsaid when the program cannot start, be they right or wrong', () => {
    const sample = samples[name] ?? {};
    const others = Object.keys(schema.shape).filter((setting) => !secretsOf(schema).includes(setting));
    const said = failureOf(schema, { ...sample, ...Object.fromEntries(others.map((setting) => [setting, '☠'])) });
    for (const setting of secretsOf(schema)) {
      expect(said).not.toContain(sample[setting]);
    }

    for (const broken of ['hunter2', '{"d":"hunter2"}', 'mysql://root:hunter2@db/x', `hunter2${' '.repeat(3)}x`]) {
      const all = Object.fromEntries(secretsOf(schema).map((setting) => [setting, broken]));
      expect(failureOf(schema, { ...sample, ...all, LOG_LEVEL: '☠', DATABASE_POOL_SIZE: '☠' })).not.toContain(
        'hunter2',
      );
    }
  });
});

it('finds a secret that nobody marked, and a failure that says one', () => {
  const careless = z.object({
    API_SECRET: z.string(),
    LOUD_KEY: z.string().superRefine((value, context) => {
      context.addIssue({ code: 'custom', message: `${value} is no key` });
    }),
    QUIET_KEY: z.string().describe('Marked').meta(SECRET),
  });
  expect(secretsOf(careless)).toEqual(['QUIET_KEY']);
  expect(failureOf(careless, { API_SECRET: 'x', LOUD_KEY: 'hunter2', QUIET_KEY: 'x' })).toContain('hunter2');
});
