import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import type { Caller } from '@rookery/contracts';
import { z } from 'zod';
import { Engine } from '../images/engine';
import { must, Report } from '../images/report';
import { buildStandIns, standIns } from '../images/stand-ins';
import { APPS } from '@rookery/devkit/stack/app-process';
import { printFailure, Progress } from '@rookery/devkit/terminal/progress';
import { repository } from '@rookery/devkit/stack/repository';
import { Shutdown } from '@rookery/devkit/terminal/shutdown';
import { StackError } from '@rookery/devkit/terminal/stack-error';
import { adapt, apiVersionsOf, withHostAliases, withImages, withSetting } from './adapt';
import { Cluster, type Facts } from './cluster';
import { findKubectl } from './kubectl';
import {
  restartsOf,
  verifyAdmission,
  verifyConfinement,
  verifyDisruptionBudget,
  verifyKilledPods,
  verifyNetwork,
  verifyOrder,
  verifyPermissions,
  verifyRollback,
  verifyRollingUpdate,
  type Live,
} from './live-checks';
import { idOf, strings, type KubernetesObject } from './manifest';
import { Manifests, Overlays } from './render';
import { ShopperPods } from './shopper-pod';

// `npm run verify:k8s`: the manifests held against a cluster, then the development overlay run on it and troubled.

const USAGE = `Usage: npm run verify:k8s [-- options]
  --kubeconfig X    the cluster; else KUBECONFIG, else what kubectl uses. Its namespace rookery-dev must be free
  --images X        where the images of the five apps are (ghcr.io/rookery)
  --tag X           their tag (dev)
  --next-tag X      the version that the rolling update brings; else the same images in new pods
  --rate X          requests per second during the rolling update (20): what the cluster can do beside it
  --load "COMMAND"  brings images to the nodes: it is run with their names, for example "kind load docker-image"
  --stand-ins       Postgres and NATS of \`npm start\` in place of the official images, where those cannot be fetched
  --base X          image that the stand-ins are built on (the Dockerfile's)
  --no-specs        without the checks that need no cluster, which \`npm test\` runs too
  --keep            leaves everything on the cluster`;

const NAMESPACE = 'rookery-dev';
/** On the namespace: it is ours to remove. */
const MARK = 'rookery.dev/verify';
const SERVERS = ['postgres', 'nats'];
const DONE_WITHIN = '--timeout=600s';
/** The load is that of a few customers only. */
const RATE_LIMIT = '1000000';
const BY_THEMSELVES = 'the manifests hold by themselves: schemas, references, selectors, edges, settings';
const folder = join(repository, '.data/k8s');

function readOptions() {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  try {
    return parseArgs({
      options: {
        kubeconfig: text,
        images: { ...text, default: 'ghcr.io/rookery' },
        tag: { ...text, default: 'dev' },
        'next-tag': text,
        rate: { ...text, default: '20' },
        load: text,
        'stand-ins': flag,
        base: text,
        'no-specs': flag,
        keep: flag,
      },
    }).values;
  } catch (error) {
    throw new StackError(error instanceof Error ? error.message : String(error), USAGE);
  }
}
type Options = ReturnType<typeof readOptions>;

const JestResults = z.object({ success: z.boolean(), numPassedTests: z.number(), numFailedTests: z.number() });
const Marked = z.object({ metadata: z.object({ annotations: z.record(z.string(), z.string()).default({}) }) });

function stderrOf(error: unknown): string {
  return error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
}

const progress = new Progress();
const shutdown = new Shutdown(progress.say);
try {
  const options = readOptions();
  mkdirSync(folder, { recursive: true });
  const report = new Report((line) => process.stdout.write(`${line}\n`));
  const work = verify(options, report);
  const asked = shutdown.asked.then(() => undefined);
  const about = await Promise.race([work, asked]);
  await shutdown.run();
  if (about === undefined) process.exit(130);
  writeReport(report, about);
  process.exit(report.failed === 0 ? 0 : 1);
} catch (error) {
  printFailure(error);
  await shutdown.run();
  process.exit(1);
}

/** What the report says beside the checks. */
interface About {
  readonly cluster: string;
  readonly adaptations: readonly string[];
}

async function verify(options: Options, report: Report): Promise<About> {
  const rate = rateOf(options);
  const kubectl = await findKubectl({ binFolder: join(repository, '.data/bin'), say: progress.say });
  const cluster = new Cluster(kubectl, NAMESPACE, options.kubeconfig);
  if (!options['no-specs']) await verifyFiles(report);
  else report.notVerified(BY_THEMSELVES, 'the specs were not run, as asked');

  const manifests = await Manifests.copy(kubectl);
  shutdown.afterwards(() => manifests.remove());
  const bundles = await progress.step('overlays rendered', () =>
    // dev-shared is dev by digest, with Secrets that are put there by hand.
    Promise.all(Overlays.filter((one) => one !== 'dev-shared').map((overlay) => manifests.bundle(overlay))),
  );
  const shared = bundles[0]?.shared ?? [];
  const facts = await cluster.facts(apiVersionsOf(bundles.flatMap(({ objects }) => [...objects, ...shared])));
  progress.say(`Kubernetes ${facts.version}, ${facts.nodes} node${facts.nodes === 1 ? '' : 's'}`);

  await takeNamespace(cluster, bundles[0]?.objects ?? [], options.keep);
  const changes = new Set<string>();
  for (const { environment, objects } of bundles) {
    const taken = await verifyTaken(cluster, facts, environment, [...objects, ...shared], report);
    for (const change of taken) changes.add(change);
  }
  const live = await deploy({
    cluster,
    facts,
    report,
    options,
    rate,
    objects: bundles[0]?.objects ?? [],
    shared,
    changes,
  });
  if (live !== undefined) await trouble(live);
  report.notVerified(
    'scaling by CPU, by lag and by the age of the outbox',
    'the development overlay has no autoscaler, and they need metrics-server, KEDA and Prometheus',
  );
  return { cluster: `Kubernetes ${facts.version}, ${facts.nodes} node(s)`, adaptations: [...changes] };
}

/** The checks that need no cluster: those of `npm test`. */
async function verifyFiles(report: Report): Promise<void> {
  const results = join(folder, 'specs.json');
  await report.check(BY_THEMSELVES, () =>
    progress.step('specs of the manifests', async () => {
      const jest = join(repository, 'node_modules/jest/bin/jest.js');
      const args = [
        '--experimental-vm-modules',
        '--no-warnings',
        jest,
        '-c',
        'jest.config.ts',
        'tools/verify/cluster/',
      ];
      const output = await promisify(execFile)(process.execPath, [...args, '--json', `--outputFile=${results}`], {
        cwd: repository,
        maxBuffer: 64 * 1024 * 1024,
      }).catch(stderrOf);
      const { success, numPassedTests, numFailedTests } = JestResults.parse(JSON.parse(readFileSync(results, 'utf8')));
      must(success, `${numFailedTests} specs failed: ${typeof output === 'string' ? output.slice(0, 3_000) : ''}`);
      return `${numPassedTests} specs`;
    }),
  );
}

/** Makes the namespace; throws when somebody else's is there. */
async function takeNamespace(cluster: Cluster, objects: readonly KubernetesObject[], keep: boolean): Promise<void> {
  const { code, stdout } = await cluster.try(['get', 'namespace', NAMESPACE, '--output=json']);
  if (code === 0) {
    const mine = Marked.parse(JSON.parse(stdout)).metadata.annotations[MARK] !== undefined;
    if (!mine) {
      throw new StackError(
        `The namespace ${NAMESPACE} of this cluster is in use.`,
        `Another cluster, or: kubectl delete namespace ${NAMESPACE}`,
      );
    }
    await progress.step('namespace of an earlier run removed', () => cluster.run(['delete', 'namespace', NAMESPACE]));
  }
  const namespaces = objects.filter(({ kind }) => kind === 'Namespace');
  if (!keep) {
    shutdown.afterwards(async () => {
      await progress.step('namespace removed', () =>
        cluster.run(['delete', 'namespace', NAMESPACE, '--ignore-not-found', DONE_WITHIN]),
      );
    });
  }
  await cluster.create(
    namespaces.map((object) => ({
      ...object,
      metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, [MARK]: 'true' } },
    })),
  );
}

/** Every object of an overlay, as the API server would take it. Answers with what had to be changed for this server. */
async function verifyTaken(
  cluster: Cluster,
  facts: Facts,
  environment: string,
  objects: readonly KubernetesObject[],
  report: Report,
): Promise<readonly string[]> {
  const { objects: known, changes, unknown } = adapt(objects, facts);
  const here = known
    .filter(({ kind }) => kind !== 'Namespace')
    .map((object) =>
      object.metadata.namespace === undefined
        ? object
        : { ...object, metadata: { ...object.metadata, namespace: NAMESPACE } },
    );
  await report.check(`${environment}: the API server takes the objects (server-side dry run)`, async () => {
    const { code, stderr } = await cluster.apply(here, '--dry-run=server');
    must(code === 0, stderr.trim());
    return `${here.length} objects`;
  });
  const kinds = [...new Set(unknown.map(({ apiVersion, kind }) => `${kind} (${apiVersion})`))];
  if (kinds.length > 0) {
    const reason = `this server does not know ${kinds.join(', ')}; their schemas were checked without it`;
    report.notVerified(`${environment}: the API server takes ${unknown.length} more objects`, reason);
  }
  return changes;
}

interface Deployment {
  readonly cluster: Cluster;
  readonly facts: Facts;
  readonly report: Report;
  readonly options: Options;
  readonly rate: number;
  readonly objects: readonly KubernetesObject[];
  readonly shared: readonly KubernetesObject[];
  /** Takes what is changed here, too. */
  readonly changes: Set<string>;
}

async function deploy(deployment: Deployment): Promise<Live | undefined> {
  const { cluster, facts, report, options, rate, shared, changes } = deployment;
  const imageOf = (app: Caller, tag = options.tag): string => `${options.images}/${app}:${tag}`;
  const replaced = new Map(APPS.map((app) => [`ghcr.io/rookery/${app}:dev`, imageOf(app)]));
  if (options['stand-ins']) {
    for (const [image, standIn] of await provideStandIns(deployment)) replaced.set(image, standIn);
    report.notVerified('the official images of Postgres and NATS', 'the servers of npm start stand in for them');
  }
  for (const [image, other] of replaced) if (image !== other) changes.add(`image ${image} became ${other}`);
  if (options.load !== undefined) {
    const next = options['next-tag'];
    const images = [...replaced.values(), ...(next === undefined ? [] : APPS.map((app) => imageOf(app, next)))];
    await progress.step('images brought to the nodes', () => load(options.load ?? '', images));
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
    if (!options.keep) await removeLater(cluster, shared);
    await bringUp(cluster, [...adapt(shared, facts).objects, ...objects]);
    const seconds = ((performance.now() - since) / 1_000).toFixed(0);
    const restarts = await restartsOf(cluster);
    must(restarts === 0, `${restarts} containers of apps were started again, though their jobs were done before`);
    return `after ${seconds} s, no app was started twice`;
  });
  if (!ready) return undefined;
  const shoppers = await ShopperPods.start(cluster, imageOf('gateway'), addresses);
  const next = options['next-tag'];
  const nextImage = next === undefined ? undefined : (app: Caller): string => imageOf(app, next);
  return { cluster, facts, shoppers, report, progress, nextImage, rate };
}

function rateOf({ rate }: Options): number {
  const number = Number(rate);
  if (Number.isInteger(number) && number > 0) return number;
  throw new StackError(`--rate must be a whole number over 0, not ${rate}.`, USAGE);
}

async function trouble(live: Live): Promise<void> {
  await verifyConfinement(live);
  await verifyPermissions(live);
  await verifyAdmission(live);
  await verifyNetwork(live);
  if (!(await verifyOrder(live))) return;
  await verifyRollingUpdate(live);
  await verifyDisruptionBudget(live);
  await verifyKilledPods(live);
  await verifyRollback(live);
}

async function provideStandIns({ options, objects }: Deployment): Promise<readonly (readonly [string, string])[]> {
  const base = options.base ?? dockerfileBase();
  await progress.step('stand-ins of Postgres and NATS', () => buildStandIns(Engine.find(), base));
  const images = strings(objects, '*.spec.template.spec.containers.*.image');
  return Object.entries(standIns).flatMap(([name, standIn]) =>
    images.filter((image) => image.startsWith(`${name}:`)).map((image) => [image, standIn] as const),
  );
}

function dockerfileBase(): string {
  return /^ARG NODE_IMAGE=(\S+)$/mu.exec(readFileSync(join(repository, 'docker/Dockerfile'), 'utf8'))?.[1] ?? '';
}

async function load(command: string, images: readonly string[]): Promise<void> {
  try {
    await promisify(execFile)('sh', ['-c', `${command} "$@"`, 'sh', ...new Set(images)], { cwd: repository });
  } catch (error) {
    throw new StackError(`${command} failed: ${stderrOf(error)}`);
  }
}

/** Where there is no DNS, pods must know the addresses before they start. */
async function servicesFirst(
  cluster: Cluster,
  objects: readonly KubernetesObject[],
): Promise<ReadonlyMap<string, string>> {
  const { code, stderr } = await cluster.apply(objects.filter(({ kind }) => kind === 'Service'));
  if (code !== 0) throw new StackError(`The Services were refused: ${stderr.trim()}`);
  return cluster.serviceAddresses();
}

/** In the order of Argo CD's waves: what the jobs need, the jobs, the apps. Throws with what the pods say when it takes too long. */
async function bringUp(cluster: Cluster, objects: readonly KubernetesObject[]): Promise<void> {
  const apply = async (wanted: (kind: string) => boolean): Promise<void> => {
    const { code, stderr } = await cluster.apply(objects.filter(({ kind }) => wanted(kind)));
    must(code === 0, stderr.trim());
  };
  const step = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await progress.step(what, work);
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      throw new StackError([said, ...(await complaints(cluster))].join('\n'));
    }
  };
  await step('Postgres and NATS', async () => {
    await apply((kind) => kind !== 'Job' && kind !== 'Deployment');
    for (const name of SERVERS) await cluster.run(['rollout', 'status', `statefulset/${name}`, DONE_WITHIN]);
  });
  await step('migrations and provisioning', async () => {
    await apply((kind) => kind === 'Job');
    await cluster.run(['wait', '--for=condition=complete', 'job', '--selector=rookery.dev/one-shot', DONE_WITHIN]);
  });
  await step('apps', async () => {
    await apply((kind) => kind === 'Deployment');
    for (const app of APPS) await cluster.run(['rollout', 'status', `deployment/${app}`, DONE_WITHIN]);
  });
}

async function complaints(cluster: Cluster): Promise<readonly string[]> {
  const [pods, events] = await Promise.all([
    cluster.try(['get', 'pods', '--output=wide']),
    cluster.try(['get', 'events', '--field-selector=type=Warning', '--sort-by=.lastTimestamp']),
  ]);
  return [pods.stdout, ...events.stdout.split('\n').slice(-15)];
}

/** What is once per cluster stays when it was there before. */
async function removeLater(cluster: Cluster, shared: readonly KubernetesObject[]): Promise<void> {
  for (const id of shared.map(idOf)) {
    if ((await cluster.try(['get', id])).code === 0) continue;
    shutdown.afterwards(async () => {
      await cluster.run(['delete', id, '--ignore-not-found']);
    });
  }
}

function writeReport(report: Report, { cluster, adaptations }: About): void {
  const checks = report.lines;
  const at = new Date().toISOString();
  const row = ({ outcome, what, detail }: (typeof checks)[number]): string =>
    `| ${outcome} | ${what} | ${detail.replaceAll('|', '\\|').replaceAll('\n', '<br>')} |`;
  const text = [
    `# verify:k8s on ${cluster}`,
    '',
    `${at}: ${report.summary}, after ${progress.elapsed}.`,
    '',
    '| outcome | check | seen |',
    '| --- | --- | --- |',
    ...checks.map(row),
    '',
    'Changed for this cluster:',
    '',
    ...adaptations.map((change) => `- ${change}`),
    '',
  ].join('\n');
  writeFileSync(join(folder, 'report.md'), text);
  writeFileSync(join(folder, 'report.json'), `${JSON.stringify({ at, cluster, adaptations, checks }, null, 2)}\n`);
  for (const change of adaptations) process.stdout.write(`changed for this cluster: ${change}\n`);
  process.stdout.write(`\n${report.summary}, on ${cluster}, after ${progress.elapsed}; report: .data/k8s/report.md\n`);
}
