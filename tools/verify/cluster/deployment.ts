import type { Caller } from '@rookery/contracts';
import { APPS } from '@rookery/devkit/stack/app-process';
import { repository } from '@rookery/devkit/stack/repository';
import type { Progress } from '@rookery/devkit/terminal/progress';
import { outputOf } from '@rookery/devkit/terminal/run-program';
import type { Shutdown } from '@rookery/devkit/terminal/shutdown';
import { UserError } from '@rookery/devkit/terminal/user-error';
import { Engine } from '../images/engine';
import { must, type Report } from '../images/report';
import { buildStandIns, dockerfileBase, standIns } from '../images/stand-ins';
import { adapt, withHostAliases, withImages, withSetting } from './adapt';
import type { Cluster, Facts } from './cluster';
import { type Live, restartsOf } from './live-checks';
import { idOf, type KubernetesObject, strings } from './manifest';
import { ShopperPods } from './shopper-pod';

const SERVERS = ['postgres', 'nats'];
export const DONE_WITHIN = '--timeout=600s';
/** The load is that of a few customers only. */
const RATE_LIMIT = '1000000';

export interface ClusterOptions {
  /** File of the cluster. @default KUBECONFIG, or what kubectl uses */
  readonly kubeconfig?: string;
  /** Registry folder of the images. */
  readonly images: string;
  readonly tag: string;
  /** Version that the rolling update brings. @default the same images, in new pods */
  readonly nextTag?: string;
  /** Requests per second during the rolling update. */
  readonly rate: number;
  /** Shell command that brings images to the nodes. It is run with their names. */
  readonly load?: string;
  /** Postgres and NATS of `npm start` in place of the official images. */
  readonly standIns?: boolean;
  /** Image that the stand-ins are built on. @default the Dockerfile's */
  readonly base?: string;
  /** Leaves everything on the cluster. */
  readonly keep?: boolean;
}

/** Reports what is done, and undoes it at the end. */
export interface ClusterRun {
  readonly progress: Progress;
  readonly shutdown: Shutdown;
}

/** What is deployed, and where. */
export interface Deployment {
  readonly cluster: Cluster;
  readonly facts: Facts;
  readonly report: Report;
  readonly options: ClusterOptions;
  readonly run: ClusterRun;
  readonly objects: readonly KubernetesObject[];
  readonly shared: readonly KubernetesObject[];
  /** Receives every adaptation to the cluster. */
  readonly changes: Set<string>;
}

/** Brings the development overlay up. Result: the running system, unless it did not come up. */
export async function deploy(deployment: Deployment): Promise<Live | undefined> {
  const { cluster, facts, report, options, run, shared, changes } = deployment;
  const imageOf = (app: Caller, tag = options.tag): string => `${options.images}/${app}:${tag}`;
  const replaced = new Map(APPS.map((app) => [`ghcr.io/rookery/${app}:dev`, imageOf(app)]));
  if (options.standIns === true) {
    for (const [image, standIn] of await provideStandIns(deployment)) {
      replaced.set(image, standIn);
    }
    report.notVerified('the official images of Postgres and NATS', 'the servers of npm start stand in for them');
  }
  for (const [image, other] of replaced) {
    if (image !== other) {
      changes.add(`image ${image} became ${other}`);
    }
  }
  if (options.load !== undefined) {
    const next = options.nextTag;
    const images = [...replaced.values(), ...(next === undefined ? [] : APPS.map((app) => imageOf(app, next)))];
    const command = ['-c', `${options.load} "$@"`, 'sh', ...new Set(images)];
    await run.progress.step('images brought to the nodes', () => outputOf('sh', command, { cwd: repository }));
  }

  const adapted = adapt(withImages(deployment.objects, replaced), facts).objects;
  changes.add(`gateway: RATE_LIMIT_PER_MINUTE is ${RATE_LIMIT}, as the load is that of three people`);
  let objects: readonly KubernetesObject[] = withSetting(
    adapted,
    'gateway',
    'RATE_LIMIT_PER_MINUTE',
    RATE_LIMIT,
  ).filter(({ kind }) => kind !== 'Namespace');
  const addresses = facts.hasDns ? new Map<string, string>() : await servicesFirst(cluster, objects);
  if (!facts.hasDns) {
    changes.add('every pod: hostAliases with the addresses of the Services, as the cluster has no DNS');
    objects = withHostAliases(objects, addresses);
  }
  const ready = await report.check('the development overlay comes up: jobs done, every pod ready', async () => {
    const since = performance.now();
    if (options.keep !== true) {
      await removeLater(cluster, shared, run.shutdown);
    }
    await bringUp(cluster, run.progress, [...adapt(shared, facts).objects, ...objects]);
    const seconds = ((performance.now() - since) / 1_000).toFixed(0);
    const restarts = await restartsOf(cluster);
    must(restarts === 0, `${restarts} containers of apps were restarted, although their jobs were done before`);
    return `after ${seconds} s, no app was started twice`;
  });
  if (!ready) {
    return undefined;
  }
  const shoppers = await ShopperPods.start(cluster, imageOf('gateway'), addresses);
  const next = options.nextTag;
  const nextImage = next === undefined ? undefined : (app: Caller): string => imageOf(app, next);
  return { cluster, facts, shoppers, report, progress: run.progress, nextImage, rate: options.rate };
}

async function provideStandIns({
  options,
  objects,
  run: { progress },
}: Deployment): Promise<readonly (readonly [string, string])[]> {
  const base = options.base ?? dockerfileBase();
  await progress.step('stand-ins of Postgres and NATS', () => buildStandIns(Engine.find(), base));
  const images = strings(objects, '*.spec.template.spec.containers.*.image');
  return Object.entries(standIns).flatMap(([name, standIn]) =>
    images.filter((image) => image.startsWith(`${name}:`)).map((image) => [image, standIn] as const),
  );
}

/** Without DNS, pods must know the addresses before they start. */
async function servicesFirst(
  cluster: Cluster,
  objects: readonly KubernetesObject[],
): Promise<ReadonlyMap<string, string>> {
  const { code, stderr } = await cluster.apply(objects.filter(({ kind }) => kind === 'Service'));
  if (code !== 0) {
    throw new UserError(`The Services were refused: ${stderr.trim()}`);
  }
  return cluster.serviceAddresses();
}

/**
 * Deploys in the order of Argo CD's waves: what the jobs need, the jobs, the apps.
 * @throws {UserError} with the state of the pods, when it takes too long
 */
async function bringUp(cluster: Cluster, progress: Progress, objects: readonly KubernetesObject[]): Promise<void> {
  const apply = async (wanted: (kind: string) => boolean): Promise<void> => {
    const { code, stderr } = await cluster.apply(objects.filter(({ kind }) => wanted(kind)));
    must(code === 0, stderr.trim());
  };
  const step = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await progress.step(what, work);
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      throw new UserError([said, ...(await complaints(cluster))].join('\n'));
    }
  };
  await step('Postgres and NATS', async () => {
    await apply((kind) => kind !== 'Job' && kind !== 'Deployment');
    for (const name of SERVERS) {
      await cluster.run(['rollout', 'status', `statefulset/${name}`, DONE_WITHIN]);
    }
  });
  await step('migrations and provisioning', async () => {
    await apply((kind) => kind === 'Job');
    await cluster.run(['wait', '--for=condition=complete', 'job', '--selector=rookery.dev/one-shot', DONE_WITHIN]);
  });
  await step('apps', async () => {
    await apply((kind) => kind === 'Deployment');
    for (const app of APPS) {
      await cluster.run(['rollout', 'status', `deployment/${app}`, DONE_WITHIN]);
    }
  });
}

async function complaints(cluster: Cluster): Promise<readonly string[]> {
  const [pods, events] = await Promise.all([
    cluster.try(['get', 'pods', '--output=wide']),
    cluster.try(['get', 'events', '--field-selector=type=Warning', '--sort-by=.lastTimestamp']),
  ]);
  return [pods.stdout, ...events.stdout.split('\n').slice(-15)];
}

/** Removes at the end what is shared by the whole cluster, unless it was there before. */
async function removeLater(cluster: Cluster, shared: readonly KubernetesObject[], shutdown: Shutdown): Promise<void> {
  for (const id of shared.map(idOf)) {
    if ((await cluster.try(['get', id])).code === 0) {
      continue;
    }
    shutdown.afterwards(async () => {
      await cluster.run(['delete', id, '--ignore-not-found']);
    });
  }
}
