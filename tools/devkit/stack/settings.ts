import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { type Caller, Callers, recordOf, Services } from '@rookery/contracts';
import { UserError } from '../terminal/user-error';
import type { AppPorts } from './app-env';
import type { NamedPort } from './ports';
import { repository } from './repository';

const port = (fallback: number, description: string) =>
  z.coerce.number('must be a number').int().min(1).max(65_535).default(fallback).describe(description);
const text = (description: string) => z.string().min(1).optional().describe(description);

const portVariable = (app: Caller): string => `${app.toUpperCase()}_PORT`;

/** Where a debugger attaches to an app: with ROOKERY_INSPECT, and under `npx nx serve <app>`. */
export const inspectorPortOf = (app: Caller): number => 9_229 + Callers.indexOf(app);

/** The gateway's port is 3000, and so on in the order of the apps. */
const appPortSettings: Readonly<Record<string, z.ZodDefault<z.ZodType<number>>>> = Object.fromEntries(
  Callers.map((app, index) => [portVariable(app), port(3_000 + index, `Port of ${app}`)]),
);

/** What the user may set for `npm start` and `npm run infra`. */
export const Settings = z.object({
  ...appPortSettings,
  EMBEDDED_POSTGRES_PORT: port(5433, 'Port of the embedded Postgres'),
  EMBEDDED_NATS_PORT: port(4223, 'Port of the embedded NATS'),
  ROOKERY_DATA_DIR: z.string().min(1).default('.data').describe('Folder of databases, events, secrets and logs'),
  ROOKERY_TLS: z
    .stringbool()
    .default(false)
    .describe('TLS with client certificates to NATS and TLS to Postgres, with certificates of our own'),
  ROOKERY_INSPECT: z
    .string()
    .default('')
    .transform((names) => names.split(',').map((name) => name.trim()))
    .transform((names) => names.filter((name) => name !== ''))
    .pipe(z.array(z.enum(Callers, `must name apps: ${Callers.join(', ')}`)))
    .describe(
      `Apps that a debugger can attach to, separated by commas: ${Callers.map((app) => `${app} on ${inspectorPortOf(app)}`).join(', ')}`,
    ),
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
    .describe('Requests per minute, subject and address; 600 by default where the gateway is started by itself'),
  OIDC_ISSUER: text('Another OpenID Provider than auth'),
  OIDC_AUDIENCE: text('Audience of that provider’s access tokens'),
});

/** The variables that give `npm start` its ports. */
export const PORT_VARIABLES: readonly string[] = Object.keys(Settings.shape).filter((name) => name.endsWith('_PORT'));

/** What the programs that talk to a running system read besides. */
export const ToolSettings = z.object({
  GATEWAY_URL: text('The system to talk to; else the stack that runs on the data folder, else the default ports'),
  AUTH_URL: text('Its auth'),
  ROOKERY_TOKEN: text('Access token of an operator; else the demo operator is signed in'),
  ...Object.fromEntries(
    Services.map((service) => [
      `DATABASE_URL_${service.toUpperCase()}`,
      text(`Database of ${service}, when servers are given`),
    ]),
  ),
  NATS_URL: text('Broker, when servers are given'),
  NATS_NKEY_SEED_ADMIN: text('Its admin’s seed, when servers are given'),
  ...Object.fromEntries(
    Callers.map((app) => [`NATS_NKEY_SEED_${app.toUpperCase()}`, text(`Seed of ${app}, when servers are given`)]),
  ),
  CONTAINER_ENGINE: text('docker or podman; else the one that is there'),
});

export interface StackSettings {
  readonly ports: AppPorts;
  readonly postgresPort: number;
  readonly natsPort: number;
  readonly dataFolder: string;
  readonly tls: boolean;
  /** Apps that a debugger can attach to. */
  readonly inspect: readonly Caller[];
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
    throw new UserError(`Wrong settings:\n  ${lines.join('\n  ')}`);
  }
  const { data } = parsed;
  const values: Readonly<Record<string, unknown>> = data;
  return {
    ports: recordOf(Callers, (app) => z.number().parse(values[portVariable(app)])),
    postgresPort: data.EMBEDDED_POSTGRES_PORT,
    natsPort: data.EMBEDDED_NATS_PORT,
    dataFolder: resolve(repository, data.ROOKERY_DATA_DIR),
    tls: data.ROOKERY_TLS,
    inspect: data.ROOKERY_INSPECT,
    orderDeadlineSeconds: data.ORDER_DEADLINE_SECONDS,
    requestsPerMinute: data.RATE_LIMIT_PER_MINUTE,
    issuer: data.OIDC_ISSUER,
    audience: data.OIDC_AUDIENCE,
  };
}

/** The apps' ports with their variables. */
export const appPorts = (ports: AppPorts): NamedPort[] =>
  Callers.map((app) => ({ what: app, port: ports[app], variable: portVariable(app) }));

/** The embedded servers' ports with their variables. */
export const embeddedPorts = ({
  postgresPort,
  natsPort,
}: Pick<StackSettings, 'natsPort' | 'postgresPort'>): NamedPort[] => [
  { what: 'embedded Postgres', port: postgresPort, variable: 'EMBEDDED_POSTGRES_PORT' },
  { what: 'embedded NATS', port: natsPort, variable: 'EMBEDDED_NATS_PORT' },
];

/** True when servers of a killed run may still hold the embedded ports: they are stopped before those are looked at. */
export const hasLeftovers = ({ dataFolder }: StackSettings): boolean =>
  ['postgres/postmaster.pid', 'nats/nats.pid'].some((file) => existsSync(join(dataFolder, file)));
