import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { AppPorts } from './app-env';
import type { NamedPort } from './ports';
import { repository } from './repository';
import { StackError } from './stack-error';

const port = (fallback: number, description: string) =>
  z.coerce.number('must be a number').int().min(1).max(65_535).default(fallback).describe(description);
const text = (description: string) => z.string().min(1).optional().describe(description);

/** What the user may set for `npm start` and `npm run infra`. */
export const Settings = z.object({
  GATEWAY_PORT: port(3000, 'Port of the gateway'),
  AUTH_PORT: port(3001, 'Port of auth'),
  PRODUCTS_PORT: port(3002, 'Port of products'),
  ORDERS_PORT: port(3003, 'Port of orders'),
  PAYMENTS_PORT: port(3004, 'Port of payments'),
  EMBEDDED_POSTGRES_PORT: port(5433, 'Port of the embedded Postgres'),
  EMBEDDED_NATS_PORT: port(4223, 'Port of the embedded NATS'),
  ROOKERY_DATA_DIR: z.string().min(1).default('.data').describe('Folder of databases, events, secrets and logs'),
  ROOKERY_TLS: z
    .stringbool()
    .default(false)
    .describe('TLS with client certificates to NATS and TLS to Postgres, with certificates of our own'),
  NATS_SERVER_BIN: text(
    'A nats-server (2.9.10 or newer) to use instead of the one in the PATH, the pinned release or Debian’s package; also for npm test, chaos and bench',
  ),
  ORDER_DEADLINE_SECONDS: z.coerce
    .number()
    .int()
    .min(1)
    .max(86_400)
    .default(60)
    .describe('How long an order may stay Pending before it is canceled'),
  // Generous: one person's laptop is the only client, and load tools start from it.
  RATE_LIMIT_PER_MINUTE: z.coerce
    .number()
    .int()
    .min(1)
    .default(600_000)
    .describe('Requests per minute, subject and address; 600 unless told where the gateway is started by itself'),
  OIDC_ISSUER: text('Another OpenID Provider than auth'),
  OIDC_AUDIENCE: text('Audience of that provider’s access tokens'),
});

export interface StackSettings {
  readonly ports: AppPorts;
  readonly postgresPort: number;
  readonly natsPort: number;
  readonly dataFolder: string;
  readonly tls: boolean;
  readonly orderDeadlineSeconds: number;
  readonly requestsPerMinute: number;
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
}

/** Reads the settings; says which are wrong. */
export function readSettings(env: NodeJS.ProcessEnv = process.env): StackSettings {
  const parsed = Settings.safeParse(env);
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new StackError(`Wrong settings:\n  ${lines.join('\n  ')}`);
  }
  const { data } = parsed;
  return {
    ports: {
      gateway: data.GATEWAY_PORT,
      auth: data.AUTH_PORT,
      products: data.PRODUCTS_PORT,
      orders: data.ORDERS_PORT,
      payments: data.PAYMENTS_PORT,
    },
    postgresPort: data.EMBEDDED_POSTGRES_PORT,
    natsPort: data.EMBEDDED_NATS_PORT,
    dataFolder: resolve(repository, data.ROOKERY_DATA_DIR),
    tls: data.ROOKERY_TLS,
    orderDeadlineSeconds: data.ORDER_DEADLINE_SECONDS,
    requestsPerMinute: data.RATE_LIMIT_PER_MINUTE,
    issuer: data.OIDC_ISSUER,
    audience: data.OIDC_AUDIENCE,
  };
}

/** The apps' ports with their variables. */
export const appPorts = (ports: AppPorts): NamedPort[] =>
  Object.entries(ports).map(([app, number]) => ({ what: app, port: number, variable: `${app.toUpperCase()}_PORT` }));

/** The embedded servers' ports with their variables. */
export const embeddedPorts = ({ postgresPort, natsPort }: StackSettings): NamedPort[] => [
  { what: 'embedded Postgres', port: postgresPort, variable: 'EMBEDDED_POSTGRES_PORT' },
  { what: 'embedded NATS', port: natsPort, variable: 'EMBEDDED_NATS_PORT' },
];

/** True when servers of a killed run may still hold the embedded ports: they are stopped before those are looked at. */
export const hasLeftovers = ({ dataFolder }: StackSettings): boolean =>
  ['postgres/postmaster.pid', 'nats/nats.pid'].some((file) => existsSync(join(dataFolder, file)));
