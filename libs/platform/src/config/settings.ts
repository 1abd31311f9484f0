import { isIP } from 'node:net';
import { z } from 'zod';

/** A TCP port; 0 lets the system choose one. */
export const portSetting = (fallback: number) =>
  z.coerce.number().int().min(0).max(65_535).default(fallback).describe('HTTP port; 0 takes any free one');

/** `10.0.0.0/8, ::1` -> two entries; empty for none. */
export const commaList = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== ''),
  );

/** Addresses and ranges of addresses (CIDR), separated by commas. */
export const addressesSetting = commaList.refine(
  (entries) => entries.every(isAddressRange),
  'must be addresses or ranges like 10.0.0.0/8 or ::1, separated by commas',
);

function isAddressRange(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const family = isIP(address);
  const isWidth = bits === undefined || (/^[0-9]{1,3}$/.test(bits) && Number(bits) <= (family === 6 ? 128 : 32));
  return family !== 0 && isWidth && more.length === 0;
}

/** Marks a secret setting: `.meta(SECRET)`, last. In a deployment it comes from a file (`X_FILE`). */
export const SECRET = { secret: true } as const;

/** pino's level names, most verbose last. */
export const LogLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LogLevels)[number];

/** Enough for clients that reuse a kept-alive connection, too short for a load balancer that probes every few seconds. */
export const DEFAULT_HANDOVER_MS = 500;

const pem = z
  .string()
  .regex(/^-----BEGIN [A-Z ]+-----/, 'must be PEM text; a path belongs into the variable with _FILE');

/** Settings of every process that connects to the broker. */
export const brokerConfig = {
  NATS_URL: z
    .string()
    .regex(/^(nats|tls):\/\/\S+$/, 'must be nats://host:port (several: separated by commas)')
    .describe('Where the NATS servers are, for example nats://127.0.0.1:4223'),
  NATS_NKEY_SEED: z
    .string()
    .regex(/^SU[A-Z2-7]{56}$/, 'must be the seed of an nkey of a user, SU…')
    .describe('Seed of this process’s nkey; the broker knows the public key')
    .meta(SECRET),
  NATS_TLS_CA: pem.optional().describe('Authority that signed the broker’s certificate, PEM'),
  NATS_TLS_CERT: pem.optional().describe('Certificate that this process shows to the broker, PEM'),
  NATS_TLS_KEY: pem.optional().describe('Private key of that certificate, PEM').meta(SECRET),
} as const;

/** Settings of every process: spread them into its schema and give `PORT` its own default. */
export const commonConfig = {
  LOG_LEVEL: z.enum(LogLevels).default('info').describe('How much is logged'),
  HOST: z.string().min(1).default('127.0.0.1').describe('Address the HTTP port listens on; 0.0.0.0 in a container'),
  PORT: portSetting(3000),
  SHARE_PORT: z
    .stringbool()
    .default(false)
    .describe(
      'Lets a second process listen on the same port, so that it replaces this one without a gap; not on macOS',
    ),
  ...brokerConfig,
  SHUTDOWN_GRACE_SECONDS: z.coerce
    .number()
    .int()
    .min(1)
    .max(600)
    .default(10)
    .describe('Seconds that a shutdown may take to finish work in progress'),
  SHUTDOWN_HANDOVER_MS: z.coerce
    .number()
    .int()
    .min(0)
    .max(60_000)
    .default(DEFAULT_HANDOVER_MS)
    .describe('How long readiness is red before a shutdown begins; more than the load balancer needs to notice'),
} as const;

const PostgresUrl = z.string().regex(/^postgres(ql)?:\/\/\S+$/, 'must be postgres://role:password@host:port/database');

/** Settings of every process that owns a database. */
export const databaseConfig = {
  DATABASE_URL: PostgresUrl.describe('Database of this service, with its own login role').meta(SECRET),
  DATABASE_SESSION_URL: PostgresUrl.optional()
    .describe(
      'The same database without the pooler that DATABASE_URL leads to, for migrations and for the lock of the relay; DATABASE_URL without it',
    )
    .meta(SECRET),
  DATABASE_POOL_SIZE: z.coerce.number().int().min(1).max(200).default(10).describe('Connections to the database'),
} as const;

/** A symmetric key: 32 bytes as base64url. */
export const symmetricKeySetting = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be 32 bytes as base64url');

/** Setting of every process that issues cursors. */
export const cursorConfig = {
  CURSOR_KEY: symmetricKeySetting
    .describe('Key that the cursors of lists are signed with; the same in every replica')
    .meta(SECRET),
} as const;

/** The settings that `runService` needs. */
export interface ServiceConfig {
  readonly LOG_LEVEL: LogLevel;
  readonly HOST: string;
  readonly PORT: number;
  readonly SHARE_PORT?: boolean | undefined;
  readonly SHUTDOWN_GRACE_SECONDS: number;
  readonly SHUTDOWN_HANDOVER_MS?: number | undefined;
}
