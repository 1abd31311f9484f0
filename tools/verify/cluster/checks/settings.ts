import { parseConfig, type SettingsSchema } from '@rookery/platform';
import { type Bundle, type Container, entriesOf, pick, podsOf, type PodSpec, strings } from '../manifest';
import { secretKeys } from './references';

/** How a program reads its environment. */
export interface Program {
  readonly schema: SettingsSchema;
  /** Valid values in place of the secrets. */
  readonly secrets: Readonly<Record<string, string>>;
}

/** Variables that Node itself reads. */
const OF_NODE: readonly string[] = ['NODE_ENV', 'NODE_EXTRA_CA_CERTS', 'NODE_OPTIONS'];

/**
 * Settings that a program does not know, lacks, or refuses; files of secrets that are not mounted. `programs` by name: the app for
 * its Deployment, the job's name or its program (`migrate.js`) for jobs.
 */
export function wrongSettings(bundle: Bundle, programs: Readonly<Record<string, Program>>): readonly string[] {
  const keys = secretKeys(bundle);
  const known = (secret: string): readonly string[] => keys.get(secret) ?? [];
  return podsOf(bundle)
    .filter(({ spec }) => spec?.containers.some(({ image }) => image.startsWith('ghcr.io/rookery/')) === true)
    .flatMap(({ owner, spec }) =>
      (spec?.containers ?? []).flatMap((container) => {
        const workload = owner.replace(/^.*\//u, '');
        const name = container.args[0] ?? workload;
        const program = programs[workload] ?? programs[name];
        if (program === undefined || spec === undefined) {
          return [`${owner}: the settings of ${name} are not known`];
        }
        const env = environmentOf(bundle, container);
        return [...unknown(env, program), ...unmounted(env, container, spec, known), ...refused(env, program)].map(
          (fault) => `${owner}: ${fault}`,
        );
      }),
    );
}

type Environment = Readonly<Record<string, string>>;

/** The environment of a container, from its ConfigMaps and its own variables. */
export function environmentOf({ objects }: Bundle, container: Container): Environment {
  const maps = strings(container, 'envFrom.*.configMapRef.name').map((name) =>
    objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === name),
  );
  const entries = maps.flatMap((map) => pick(map, 'data').flatMap(entriesOf));
  const own = container.env.map(({ name, value = '' }) => [name, value] as const);
  return Object.fromEntries([...entries, ...own].map(([name, value]) => [name, String(value)]));
}

const settingOf = (name: string): string => name.replace(/_FILE$/u, '');

function unknown(env: Environment, { schema }: Program): readonly string[] {
  return Object.keys(env)
    .filter((name) => !(name in schema.shape) && !(settingOf(name) in schema.shape) && !OF_NODE.includes(name))
    .map((name) => `sets ${name}, which it does not know`);
}

function unmounted(
  env: Environment,
  container: Container,
  spec: PodSpec,
  keysOf: (secret: string) => readonly string[],
): readonly string[] {
  const files = container.volumeMounts.flatMap(({ name, mountPath }) => {
    const secret = spec.volumes.find((volume) => volume.name === name)?.secret;
    if (secret === undefined) {
      return [];
    }
    const items = secret.items?.map(({ path }) => path) ?? keysOf(secret.secretName);
    return items.map((path) => `${mountPath}/${path}`);
  });
  return Object.entries(env)
    .filter(([name, file]) => (name.endsWith('_FILE') || name === 'NODE_EXTRA_CA_CERTS') && !files.includes(file))
    .map(([name, file]) => `${name} names ${file}, which is not mounted`);
}

function refused(env: Environment, { schema, secrets }: Program): readonly string[] {
  const values = Object.entries(env).map(([name, value]): readonly [string, string | undefined] =>
    name.endsWith('_FILE') ? [settingOf(name), secrets[settingOf(name)]] : [name, value],
  );
  const result = parseConfig(schema, Object.fromEntries(values));
  return result.ok ? [] : result.bad.map(({ name, reason }) => `${name} ${reason}`);
}

/** Hosts under which the gateway asks auth for keys and auth refuses to answer: it answers only to names in its settings. */
export function strangersToAuth(bundle: Bundle): readonly string[] {
  const settingsOf = (app: string): readonly Environment[] =>
    podsOf(bundle)
      .filter(({ owner }) => owner.endsWith(`/${app}`))
      .flatMap(({ spec }) => (spec?.containers ?? []).map((container) => environmentOf(bundle, container)));
  const known = settingsOf('auth').flatMap(({ OIDC_ISSUER = '', OIDC_INTERNAL_URLS = '' }) => [
    OIDC_ISSUER,
    ...OIDC_INTERNAL_URLS.split(','),
  ]);
  const asked = settingsOf('gateway').flatMap(
    ({ OIDC_ISSUER = '', OIDC_DISCOVERY_URL = OIDC_ISSUER }) => OIDC_DISCOVERY_URL,
  );
  return [...new Set(asked)]
    .filter((address) => !known.includes(address))
    .map((address) => `the gateway asks auth at ${address}, which is not in its OIDC_INTERNAL_URLS`);
}

/** Pods that are killed before their shutdown ends, or that stop before load balancers notice. */
export function shutdownTimes(bundle: Bundle): readonly string[] {
  return podsOf(bundle)
    .filter(({ owner }) => owner.startsWith('Deployment/'))
    .flatMap(({ owner, spec }) =>
      (spec?.containers ?? []).flatMap((container) => {
        const env = environmentOf(bundle, container);
        const handover = Number(env['SHUTDOWN_HANDOVER_MS'] ?? 0) / 1_000;
        const needed = handover + Number(env['SHUTDOWN_GRACE_SECONDS'] ?? 0);
        const given = spec?.terminationGracePeriodSeconds ?? 0;
        return [
          ...(needed < given ? [] : [`${owner}: needs ${needed} s to shut down and has ${given} s`]),
          ...(handover >= NOTICED_AFTER_SECONDS ? [] : [`${owner}: hands over for ${handover} s only`]),
        ];
      }),
    );
}

/** How long proxies and controllers still send requests to a pod that shuts down. */
const NOTICED_AFTER_SECONDS = 2;
