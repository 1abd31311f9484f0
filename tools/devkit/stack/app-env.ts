import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { platform } from 'node:os';
import { join } from 'node:path';
import { API_AUDIENCE, type Caller, Callers, recordOf } from '@rookery/contracts';
import type { BrokerSeeds } from './broker-accounts';
import { natsTlsFiles } from './certificates';
import type { DatabaseUrls } from './databases';
import type { Secrets } from './secrets';

export type AppEnv = Readonly<Record<string, string>>;
export type AppEnvs = Readonly<Record<Caller, AppEnv>>;
export type AppPorts = Readonly<Record<Caller, number>>;

/** Node knows no way to share a port on the other systems. */
const PORTS_CAN_BE_SHARED = platform() === 'linux';

/** How the apps reach the broker. */
export interface BrokerAccess {
  readonly url: string;
  readonly seeds: BrokerSeeds;
  /** Where the certificates are, when the broker speaks TLS. */
  readonly certificates?: string | undefined;
}

export interface AppEnvOptions {
  readonly ports: AppPorts;
  readonly databases: DatabaseUrls;
  readonly broker: BrokerAccess;
  readonly secrets: Pick<
    Secrets,
    'internalKeys' | 'internalJwks' | 'sealingKey' | 'keyEncryptionKey' | 'cookieKeys' | 'cursorKey'
  >;
  readonly orderDeadlineSeconds: number;
  /** The gateway's limit per subject or address. */
  readonly requestsPerMinute: number;
  /** Another issuer than our auth. */
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
}

/** The environment of each app. */
export function appEnvs({ ports, databases, broker, secrets, ...options }: AppEnvOptions): AppEnvs {
  const authUrl = `http://localhost:${ports.auth}`;
  const gatewayUrl = `http://localhost:${ports.gateway}`;
  const ofOne: Readonly<Partial<Record<Caller, AppEnv>>> = {
    gateway: {
      PUBLIC_URL: gatewayUrl,
      OIDC_ISSUER: options.issuer ?? authUrl,
      OIDC_AUDIENCE: options.audience ?? API_AUDIENCE,
      RATE_LIMIT_PER_MINUTE: String(options.requestsPerMinute),
    },
    auth: { OIDC_ISSUER: authUrl, GATEWAY_URL: gatewayUrl, DEMO: 'true' },
    orders: { ORDER_DEADLINE_SECONDS: String(options.orderDeadlineSeconds) },
  };
  const databaseUrls: Readonly<Partial<Record<Caller, string>>> = databases;
  return recordOf(Callers, (app) => ({
    HOST: '127.0.0.1',
    PORT: String(ports[app]),
    ...(PORTS_CAN_BE_SHARED ? { SHARE_PORT: 'true' } : {}),
    NATS_URL: broker.url,
    NATS_NKEY_SEED: broker.seeds[app],
    ...(broker.certificates === undefined ? {} : natsTlsFiles(broker.certificates, app)),
    ...given('DATABASE_URL', databaseUrls[app]),
    ...keysOf(app, secrets),
    ...ofOne[app],
  }));
}

/** The keys of an app, by the names of its settings. */
export function keysOf(app: Caller, secrets: AppEnvOptions['secrets']): AppEnv {
  const signingKeys: Readonly<Partial<Record<Caller, object>>> = secrets.internalKeys;
  const ofOne: Readonly<Record<Caller, AppEnv>> = {
    gateway: { CURSOR_KEY: secrets.cursorKey },
    auth: { KEY_ENCRYPTION_KEY: secrets.keyEncryptionKey, COOKIE_KEYS: secrets.cookieKeys.join(',') },
    products: { CURSOR_KEY: secrets.cursorKey },
    orders: { SEALING_KEY: secrets.sealingKey, CURSOR_KEY: secrets.cursorKey },
    payments: { SEALING_KEY: secrets.sealingKey },
  };
  return {
    // No process calls the gateway with an internal token.
    ...(app === 'gateway' ? {} : { INTERNAL_JWKS: JSON.stringify(secrets.internalJwks) }),
    ...given('INTERNAL_SIGNING_KEY', signingKeys[app] && JSON.stringify(signingKeys[app])),
    ...ofOne[app],
  };
}

const given = (name: string, value: string | undefined): AppEnv => (value === undefined ? {} : { [name]: value });

const quoted = (value: string): string => (/^[\w.:/@%?&=,+-]*$/.test(value) ? value : `'${value}'`);

/** Writes `<folder>/<app>.env` for `node --env-file`, readable by the owner only. */
export function writeEnvFiles(folder: string, envs: AppEnvs): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const [app, env] of Object.entries(envs)) {
    const lines = Object.entries(env).map(([name, value]) => `${name}=${quoted(value)}`);
    const file = join(folder, `${app}.env`);
    rmSync(file, { force: true });
    writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
  }
}
