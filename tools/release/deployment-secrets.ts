import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Caller, Callers, recordOf, Requesters, Services } from '@rookery/contracts';
import { keysOf } from '@rookery/devkit/stack/app-env';
import { BROKER_CLIENTS, makeSeed } from '@rookery/devkit/stack/broker-accounts';
import { clientTls, provideCertificates, serverTls } from '@rookery/devkit/stack/certificates';
import type { Secrets } from '@rookery/devkit/stack/secrets';
import { UserError } from '@rookery/devkit/terminal/user-error';
import { nkeyOf } from '@rookery/messaging';
import { brokerKeyVariables } from './nats-config';

/** Where the secrets of docker/compose.yaml are, relative to the repository. */
export const COMPOSE_ENV_FILE = 'docker/.env';
/** Where the certificates are that docker/.env has, relative to the repository. */
export const COMPOSE_CERTIFICATES = 'docker/certs';
// #region part:kubernetes
/** Where the secrets of the development overlay are: a folder per Secret, a file per key. */
export const K8S_SECRETS_FOLDER = 'k8s/overlays/dev/secrets';
// #endregion part:kubernetes

type Values = Readonly<Record<string, string>>;

/** Variables of the postgres image and of create-databases.sh. */
const postgresValues = ({ postgres, databases }: Secrets): Values => ({
  POSTGRES_PASSWORD: postgres,
  ...Object.fromEntries(
    Services.map((service) => [`POSTGRES_PASSWORD_${service.toUpperCase()}`, databases[service]] as const),
  ),
});

/** Variables of nats-server, see k8s/platform/nats/accounts.conf: public keys only. Nobody has the seeds of the next ones. */
const natsValues = ({ broker }: Secrets): Values =>
  Object.fromEntries(
    BROKER_CLIENTS.flatMap((client) => {
      const [current, next] = brokerKeyVariables[client];
      return [
        [current, nkeyOf(broker[client])] as const,
        ...(next === undefined ? [] : [[next, nkeyOf(makeSeed())] as const]),
      ];
    }),
  );

/** The certificates of a folder of `provideCertificates` as docker/compose.yaml takes them. */
export function composeCertificates(folder: string): Values {
  const server = serverTls(folder, 'nats');
  const clients = BROKER_CLIENTS.flatMap((client) => {
    const { cert, key } = clientTls(folder, client);
    const name = client.toUpperCase();
    return [[`NATS_TLS_CERT_${name}`, cert.trim()] as const, [`NATS_TLS_KEY_${name}`, key.trim()] as const];
  });
  const text = (file: string): string => readFileSync(file, 'utf8').trim();
  return {
    NATS_TLS_CA: text(server.ca),
    NATS_TLS_CERT_SERVER: text(server.cert),
    NATS_TLS_KEY_SERVER: text(server.key),
    ...Object.fromEntries(clients),
  };
}

/** What docker/compose.yaml takes from docker/.env besides the certificates. Database addresses are put together there. */
export function composeSecrets(secrets: Secrets): Values {
  return {
    ...postgresValues(secrets),
    ...natsValues(secrets),
    ...Object.fromEntries(
      BROKER_CLIENTS.map((client) => [`NATS_NKEY_SEED_${client.toUpperCase()}`, secrets.broker[client]]),
    ),
    INTERNAL_JWKS: JSON.stringify(secrets.internalJwks),
    ...Object.fromEntries(
      Requesters.map((caller) => [
        `INTERNAL_SIGNING_KEY_${caller.toUpperCase()}`,
        JSON.stringify(secrets.internalKeys[caller]),
      ]),
    ),
    SEALING_KEY: secrets.sealingKey,
    KEY_ENCRYPTION_KEY: secrets.keyEncryptionKey,
    COOKIE_KEYS: secrets.cookieKeys.join(','),
    CURSOR_KEY: secrets.cursorKey,
    REDIS_PASSWORD: secrets.redis,
  };
}

/** The Secrets of the development overlay with their keys; those of an app are called like its settings. */
export function kubernetesSecrets(secrets: Secrets): Readonly<Record<string, Values>> {
  const databases: Readonly<Partial<Record<Caller, string>>> = secrets.databases;
  const apps = recordOf(Callers, (app): Values => {
    const password = databases[app];
    return {
      NATS_NKEY_SEED: secrets.broker[app],
      ...(password === undefined ? {} : { DATABASE_URL: `postgres://${app}:${password}@postgres:5432/${app}` }),
      ...keysOf(app, secrets),
    };
  });
  return {
    ...apps,
    nats: natsValues(secrets),
    postgres: postgresValues(secrets),
    'broker-admin': { NATS_NKEY_SEED: secrets.broker.admin },
  };
}

export interface WriteSecretsOptions {
  readonly root: string;
  /** Replaces what is there. */
  readonly force: boolean;
}

/**
 * Writes docker/.env with certificates of its own. In one that is there only what it lacks is added, as after an upgrade; when it lacks nothing it
 * is refused to replace it. Readable by the owner only.
 */
export async function writeComposeSecrets(secrets: Secrets, { root, force }: WriteSecretsOptions): Promise<string> {
  const file = join(root, COMPOSE_ENV_FILE);
  if (existsSync(file) && !force) {
    const text = readFileSync(file, 'utf8');
    const missing = Object.entries(composeSecrets(secrets)).filter(
      ([name]) => !new RegExp(`^${name}=`, 'm').test(text),
    );
    if (missing.length > 0) {
      write(file, [text.trimEnd(), ...linesOf(Object.fromEntries(missing)), ''].join('\n'));
      return file;
    }
  }
  refuseExisting(file, force, 'docker compose -f docker/compose.yaml down --volumes');
  const certificates = join(root, COMPOSE_CERTIFICATES);
  await provideCertificates(certificates, { force });
  write(
    file,
    [COMPOSE_HEAD, ...linesOf({ ...composeSecrets(secrets), ...composeCertificates(certificates) }), ''].join('\n'),
  );
  return file;
}

/** Puts the certificates as they are now into docker/.env, where it is there; everything else in it stays. */
export function renewComposeCertificates(root: string): void {
  const file = join(root, COMPOSE_ENV_FILE);
  if (!existsSync(file)) {
    return;
  }
  // A value may go over several lines, up to its closing quote.
  const others = readFileSync(file, 'utf8').replace(/^NATS_TLS_\w+='[^']*'\n/gm, '');
  write(file, [others.trimEnd(), ...linesOf(composeCertificates(join(root, COMPOSE_CERTIFICATES))), ''].join('\n'));
}

/** In single quotes Compose takes a value as it is. */
const linesOf = (values: Values): readonly string[] =>
  Object.entries(values).map(([name, value]) => `${name}='${value}'`);

// #region part:kubernetes
/**
 * Writes a file per key for kustomize's secretGenerator. In a folder that is there only what it lacks is added; when it lacks nothing it is refused
 * to replace it. Readable by the owner only.
 */
export async function writeKubernetesSecrets(secrets: Secrets, { root, force }: WriteSecretsOptions): Promise<string> {
  const folder = join(root, K8S_SECRETS_FOLDER);
  const files = Object.entries(kubernetesSecrets(secrets)).flatMap(([name, values]) =>
    Object.entries(values).map(([key, value]) => ({ path: join(folder, name, key), value })),
  );
  const missing = existsSync(folder) && !force ? files.filter(({ path }) => !existsSync(path)) : [];
  if (missing.length > 0) {
    for (const { path, value } of missing) {
      write(path, value);
    }
    return folder;
  }
  refuseExisting(folder, force, 'kubectl delete namespace rookery-dev');
  rmSync(folder, { recursive: true, force: true });
  for (const { path, value } of files) {
    write(path, value);
  }
  return folder;
}
// #endregion part:kubernetes

function refuseExisting(path: string, force: boolean, emptied: string): void {
  if (!existsSync(path) || force) {
    return;
  }
  throw new UserError(
    `${path} is there already; databases and broker were made with what it holds.`,
    `To begin anew: \`${emptied}\`, then the same command with --force.`,
  );
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  rmSync(file, { force: true });
  writeFileSync(file, text, { mode: 0o600 });
}

const COMPOSE_HEAD = '# Made by `npx rookery credentials new compose` for docker/compose.yaml. Never committed.';
