import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { repository } from '@rookery/devkit/stack/repository';
import { UserError } from '@rookery/devkit/terminal/user-error';
import { must, Report } from '../images/report';
import { adapt, apiVersionsOf } from './adapt';
import { Cluster, type Facts } from './cluster';
import { type ClusterOptions, type ClusterRun, deploy, DONE_WITHIN } from './deployment';
import { findKubectl } from './kubectl';
import {
  type Live,
  verifyAdmission,
  verifyConfinement,
  verifyDisruptionBudget,
  verifyKilledPods,
  verifyNetwork,
  verifyOrder,
  verifyPermissions,
  verifyRollback,
  verifyRollingUpdate,
} from './live-checks';
import type { KubernetesObject } from './manifest';
import { Manifests, Overlays } from './render';

const NAMESPACE = 'rookery-dev';
/** On the namespace: it is ours to remove. */
const MARK = 'rookery.dev/verify';
const folder = join(repository, '.data/k8s');

const Marked = z.object({ metadata: z.object({ annotations: z.record(z.string(), z.string()).default({}) }) });

/** Holds the manifests against a cluster (`npm test` checks them without one), runs the development overlay on it and disturbs it. Result: whether every check passed. */
export async function verifyCluster(options: ClusterOptions, run: ClusterRun): Promise<boolean> {
  mkdirSync(folder, { recursive: true });
  const report = new Report((line) => process.stdout.write(`${line}\n`));
  const about = await verify(options, run, report);
  await run.shutdown.run();
  writeReport(report, about, run.progress.elapsed);
  return report.failed === 0;
}

/** What the report says beside the checks. */
interface About {
  readonly cluster: string;
  readonly adaptations: readonly string[];
}

async function verify(options: ClusterOptions, run: ClusterRun, report: Report): Promise<About> {
  const { progress, shutdown } = run;
  const kubectl = await findKubectl({ say: progress.say });
  const cluster = new Cluster(kubectl, NAMESPACE, options.kubeconfig);
  const manifests = await Manifests.copy(kubectl);
  shutdown.afterwards(() => manifests.remove());
  const bundles = await progress.step('overlays rendered', () =>
    // dev-shared is dev by digest, with Secrets that are put there by hand.
    Promise.all(Overlays.filter((one) => one !== 'dev-shared').map((overlay) => manifests.bundle(overlay))),
  );
  const shared = bundles[0]?.shared ?? [];
  const facts = await cluster.facts(apiVersionsOf(bundles.flatMap(({ objects }) => [...objects, ...shared])));
  progress.say(`Kubernetes ${facts.version}, ${facts.nodes} node${facts.nodes === 1 ? '' : 's'}`);

  await takeNamespace(cluster, bundles[0]?.objects ?? [], options.keep === true, run);
  const changes = new Set<string>();
  for (const { environment, objects } of bundles) {
    const taken = await verifyTaken(cluster, facts, environment, [...objects, ...shared], report);
    for (const change of taken) {
      changes.add(change);
    }
  }
  const live = await deploy({
    cluster,
    facts,
    report,
    options,
    run,
    objects: bundles[0]?.objects ?? [],
    shared,
    changes,
  });
  if (live !== undefined) {
    await trouble(live);
  }
  report.notVerified(
    'scaling by CPU, by lag and by the age of the outbox',
    'the development overlay has no autoscaler, and they need metrics-server, KEDA and Prometheus',
  );
  return { cluster: `Kubernetes ${facts.version}, ${facts.nodes} node(s)`, adaptations: [...changes] };
}

/** Makes the namespace; throws when somebody else's is there. */
async function takeNamespace(
  cluster: Cluster,
  objects: readonly KubernetesObject[],
  keep: boolean,
  { progress, shutdown }: ClusterRun,
): Promise<void> {
  const { code, stdout } = await cluster.try(['get', 'namespace', NAMESPACE, '--output=json']);
  if (code === 0) {
    const mine = Marked.parse(JSON.parse(stdout)).metadata.annotations[MARK] !== undefined;
    if (!mine) {
      throw new UserError(
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

async function trouble(live: Live): Promise<void> {
  await verifyConfinement(live);
  await verifyPermissions(live);
  await verifyAdmission(live);
  await verifyNetwork(live);
  if (!(await verifyOrder(live))) {
    return;
  }
  await verifyRollingUpdate(live);
  await verifyDisruptionBudget(live);
  await verifyKilledPods(live);
  await verifyRollback(live);
}

function writeReport(report: Report, { cluster, adaptations }: About, elapsed: string): void {
  const checks = report.lines;
  const at = new Date().toISOString();
  const row = ({ outcome, what, detail }: (typeof checks)[number]): string =>
    `| ${outcome} | ${what} | ${detail.replaceAll('|', '\\|').replaceAll('\n', '<br>')} |`;
  const text = [
    `# verify cluster on ${cluster}`,
    '',
    `${at}: ${report.summary}, after ${elapsed}.`,
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
  for (const change of adaptations) {
    process.stdout.write(`changed for this cluster: ${change}\n`);
  }
  process.stdout.write(`\n${report.summary}, on ${cluster}, after ${elapsed}; report: .data/k8s/report.md\n`);
}
