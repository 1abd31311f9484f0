import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { AppPorts } from './app-env';
import type { NamedPort } from './ports';
import { repository } from './repository';
import { StackError } from './stack-error';

const port = (fallback: number) => z.coerce.number().int().min(1).max(65_535).default(fallback);
const text = z.string().min(1).optional();

/** What the user may set for `npm start` and `npm run infra`. */
const Settings = z.object({
  GATEWAY_PORT: port(3000),
  AUTH_PORT: port(3001),
  PRODUCTS_PORT: port(3002),
  ORDERS_PORT: port(3003),
  PAYMENTS_PORT: port(3004),
  EMBEDDED_POSTGRES_PORT: port(5433),
  EMBEDDED_NATS_PORT: port(4223),
  ROOKERY_DATA_DIR: z.string().min(1).default(join(repository, '.data')),
  ORDER_DEADLINE_SECONDS: z.coerce.number().int().min(1).max(86_400).default(60),
  /** Generous: one person's laptop is the only client, and load tools start from it. */
  RATE_LIMIT_PER_MINUTE: z.coerce.number().int().min(1).default(600_000),
  OIDC_ISSUER: text,
  OIDC_AUDIENCE: text,
});

export interface StackSettings {
  readonly ports: AppPorts;
  readonly postgresPort: number;
  readonly natsPort: number;
  readonly dataFolder: string;
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
    dataFolder: resolve(data.ROOKERY_DATA_DIR),
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
