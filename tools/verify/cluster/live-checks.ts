import { z } from 'zod';
import type { Caller } from '@rookery/contracts';
import { APPS } from '@rookery/devkit/stack/app-process';
import type { Progress } from '@rookery/devkit/terminal/progress';
import { until } from '@rookery/devkit/terminal/until';
import { ASK_CONFINEMENT, confinementFaults, readConfinement } from '../images/confinement';
import { must, type Report } from '../images/report';
import type { Cluster, Facts } from './cluster';
import { OneOrder, Reach, RestlessResult, SteadyResult } from './shop-talk';
import { type ShopperPods, visitors } from './shopper-pod';

/** A system that was deployed. */
export interface Live {
  readonly cluster: Cluster;
  readonly facts: Facts;
  readonly shoppers: ShopperPods;
  readonly report: Report;
  readonly progress: Progress;
  /** Requests per second during the rolling update. */
  readonly rate: number;
  /** Image of an app's new version; undefined for a new version of the pods with the same image. */
  readonly nextImage?: ((app: Caller) => string) | undefined;
}

const NAME = 'app.kubernetes.io/name';
const RESTLESS = { rate: 5, seconds: 90 };
const ROLLOUT = '--timeout=300s';
/** Registries that do not answer are waited for. */
const REFUSED_WITHIN_MS = 180_000;
const BAD_IMAGE_FOR = '--timeout=10s';
const GONE_WITHIN_MS = 90_000;
const RELEASE = 'rookery.dev/release';

const Pods = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), uid: z.string(), deletionTimestamp: z.string().optional() }),
      status: z.object({
        phase: z.string(),
        containerStatuses: z
          .array(
            z.object({
              ready: z.boolean(),
              restartCount: z.number(),
              state: z.object({ waiting: z.object({ reason: z.string() }).optional() }),
            }),
          )
          .default([]),
      }),
    }),
  ),
});
type Pod = z.infer<typeof Pods>['items'][number];

const podsOf = async (cluster: Cluster, app: string): Promise<readonly Pod[]> =>
  (await cluster.get(Pods, 'pods', `--selector=${NAME}=${app}`)).items;

const isReady = ({ metadata, status }: Pod): boolean =>
  metadata.deletionTimestamp === undefined && status.containerStatuses.some(({ ready }) => ready);

const rolledOut = (cluster: Cluster, app: string): Promise<string> =>
  cluster.run(['rollout', 'status', `deployment/${app}`, ROLLOUT]);

const deployment = z.object({ spec: z.object({ replicas: z.number() }) });

/** Waits until only the new pods of a rollout are left. */
async function untilOldOnesAreGone(cluster: Cluster, app: string): Promise<void> {
  const { spec } = await cluster.get(deployment, `deployment/${app}`);
  const isSettled = async (): Promise<boolean> => {
    const pods = await podsOf(cluster, app);
    return pods.length === spec.replicas && pods.every(isReady);
  };
  const settled = await until(isSettled, GONE_WITHIN_MS, 500);
  must(settled !== undefined, `${app} does not have ${spec.replicas} pods that are ready, and no other`);
}

async function settleAll(cluster: Cluster): Promise<void> {
  for (const app of APPS) {
    await untilOldOnesAreGone(cluster, app);
  }
}

/** An order through the Services, with the token of a real log-in. */
export async function verifyOrder({ shoppers, report }: Live): Promise<boolean> {
  return report.check('an order placed through the Service with a real token is Confirmed', async () => {
    const { id, status, milliseconds } = await shoppers.run(OneOrder, 'shopper', 'order');
    must(status === 'Confirmed', `order ${id} ended ${status}`);
    return `${id} after ${milliseconds} ms`;
  });
}

/** How the processes are confined, by what Linux tells each of them about itself. */
export async function verifyConfinement({ cluster, report }: Live): Promise<void> {
  await report.check(
    'every process runs as 65532 without capabilities, new privileges, a writable file, a token or a secret in its environment',
    async () => {
      for (const app of APPS) {
        const asked = await cluster.run(['exec', `deployment/${app}`, '--', 'node', '-e', ASK_CONFINEMENT]);
        const confinement = readConfinement(asked);
        const seccomp = confinement.status('Seccomp');
        const faults = [...confinementFaults(confinement), ...(seccomp === '2' ? [] : [`Seccomp is ${seccomp}`])];
        must(faults.length === 0, `${app}: ${faults.join(', ')}`);
      }
      return APPS.join(', ');
    },
  );
}

const Accounts = z.object({ items: z.array(z.object({ metadata: z.object({ name: z.string() }) })) });
const Rules = z.object({
  status: z.object({
    resourceRules: z.array(z.object({ verbs: z.array(z.string()), resources: z.array(z.string()).default([]) })),
  }),
});
/** Every subject may ask what it may do, and who it is. */
const ABOUT_ONESELF = new Set(['selfsubjectaccessreviews', 'selfsubjectrulesreviews', 'selfsubjectreviews']);
const DENIED = ['list secrets', 'get configmaps', 'list pods', 'create pods', 'create pods/exec', 'patch deployments'];

/** What each ServiceAccount may do, by the API server's own answer. */
export async function verifyPermissions({ cluster, report }: Live): Promise<void> {
  await report.check('no ServiceAccount may do anything with the Kubernetes API', async () => {
    const { items } = await cluster.get(Accounts, 'serviceaccounts');
    must(items.length > APPS.length, `there are only ${items.length} ServiceAccounts`);
    const faults: string[] = [];
    for (const { metadata } of items) {
      const as = `--as=system:serviceaccount:${cluster.namespace}:${metadata.name}`;
      const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview' };
      const { code, stdout, stderr } = await cluster.post(
        '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews',
        { ...review, spec: { namespace: cluster.namespace } },
        as,
        `--as-group=system:serviceaccounts`,
        `--as-group=system:authenticated`,
      );
      must(code === 0, stderr);
      for (const { verbs, resources } of Rules.parse(JSON.parse(stdout)).status.resourceRules) {
        const more = resources.filter((resource) => !ABOUT_ONESELF.has(resource));
        if (more.length > 0) {
          faults.push(`${metadata.name} may ${verbs.join('/')} ${more.join()}`);
        }
      }
      if (!APPS.some((app) => app === metadata.name)) {
        continue;
      }
      for (const denied of DENIED) {
        const { stdout: answer } = await cluster.try(['auth', 'can-i', ...denied.split(' '), as]);
        if (answer.trim() !== 'no') {
          faults.push(`${metadata.name}: can-i ${denied} is answered ${answer.trim()}`);
        }
      }
    }
    must(faults.length === 0, faults.join('; '));
    return `${items.length} ServiceAccounts; can-i denies each app: ${DENIED.join(', ')}`;
  });
}

const ADDRESSES = ['gateway:80', 'auth:80', 'products:80', 'orders:80', 'payments:80', 'nats:4222', 'postgres:5432'];

const NOTHING: z.infer<typeof Reach> = {};

/** Whether packets reach only what the NetworkPolicies allow, on a cluster that enforces them. */
export async function verifyNetwork({ shoppers, report }: Live): Promise<void> {
  const WHAT = 'the network is open only where the NetworkPolicies say';
  const reached = { shopper: NOTHING, stranger: NOTHING };
  const asked = await report.check('pods beside the system run: one as a customer, one as a stranger', async () => {
    reached.shopper = await shoppers.run(Reach, 'shopper', 'reach', ...ADDRESSES);
    reached.stranger = await shoppers.run(Reach, 'stranger', 'reach', ...ADDRESSES);
    return '';
  });
  if (!asked) {
    return;
  }
  const { shopper, stranger } = reached;
  if (ADDRESSES.every((address) => shopper[address] === true && stranger[address] === true)) {
    report.notVerified(WHAT, 'this cluster does not enforce NetworkPolicies: a pod without any reaches everything');
    return;
  }
  await report.check(WHAT, () => {
    const allowed = new Set(visitors.shopper.map((name) => `${name}:80`));
    const wrong = ADDRESSES.flatMap((address) => [
      ...(shopper[address] === allowed.has(address) ? [] : [`the shopper ${said(shopper[address])} ${address}`]),
      ...(stranger[address] === false ? [] : [`a stranger ${said(stranger[address])} ${address}`]),
    ]);
    must(wrong.length === 0, wrong.join('; '));
    return `a customer reaches ${[...allowed].join(' and ')} of ${ADDRESSES.length} addresses, a stranger none`;
  });
}

const said = (reached: boolean | undefined): string => (reached === true ? 'reaches' : 'does not reach');

/** A new version of each app in turn, while requests come in. */
export async function verifyRollingUpdate(live: Live): Promise<void> {
  const { cluster, shoppers, report, progress, nextImage, rate } = live;
  await report.check(
    `a rolling update of the ${APPS.length} apps under ${rate} requests/s fails none of them`,
    async () => {
      using load = shoppers.begin('shopper', 'steady', String(rate));
      await load.until((one) => 'started' in one);
      const since = Date.now();
      for (const app of APPS) {
        await progress.step(`a new version of ${app} under load`, async () => {
          const before = new Set((await podsOf(cluster, app)).map(({ metadata }) => metadata.uid));
          const container = nextImage === undefined ? {} : { containers: [{ name: 'app', image: nextImage(app) }] };
          const template = { metadata: { annotations: { [RELEASE]: String(since) } }, spec: container };
          await cluster.run(['patch', `deployment/${app}`, `--patch=${JSON.stringify({ spec: { template } })}`]);
          await rolledOut(cluster, app);
          const after = (await podsOf(cluster, app)).filter(isReady);
          must(!after.some(({ metadata }) => before.has(metadata.uid)), `${app} has pods of the old version`);
        });
      }
      await settleAll(cluster);
      const seconds = Math.round((Date.now() - since) / 1_000);
      const { answered, failures, orders, wrong } = await load.result(SteadyResult);
      const failed = failures.slice(0, 5).join('; ');
      must(failures.length === 0, `${failures.length} of ${answered + failures.length} requests failed: ${failed}`);
      must(answered > (seconds * rate) / 2, `only ${answered} requests in ${seconds} s: no load to speak of`);
      must(wrong.length === 0, wrong.slice(0, 5).join('; '));
      return `0 of ${answered} requests failed in ${seconds} s, ${orders} orders ended as they must`;
    },
  );
}

/** Evictions, as `kubectl drain` asks for them. */
export async function verifyDisruptionBudget({ cluster, facts, report }: Live): Promise<void> {
  await report.check('evictions stop at the PodDisruptionBudget', async () => {
    await settleAll(cluster);
    const apiVersion = facts.kinds.has('policy/v1 PodDisruptionBudget') ? 'policy/v1' : 'policy/v1beta1';
    const evict = async (pod: string): Promise<string> => {
      const path = `/api/v1/namespaces/${cluster.namespace}/pods/${pod}/eviction`;
      const metadata = { name: pod, namespace: cluster.namespace };
      const { code, stderr } = await cluster.post(path, { apiVersion, kind: 'Eviction', metadata });
      if (code === 0) {
        return 'evicted';
      }
      return /violate the pod's disruption budget/u.test(stderr) ? 'refused' : stderr.trim();
    };
    for (const app of APPS) {
      const [first, second] = await podsOf(cluster, app);
      must(first !== undefined && second !== undefined, `${app} has fewer than two pods`);
      const outcomes = [await evict(first.metadata.name), await evict(second.metadata.name)];
      must(outcomes.join() === 'evicted,refused', `${app}: two evictions were answered ${outcomes.join(' and ')}`);
    }
    await settleAll(cluster);
    return `${APPS.length} apps: of two pods the first was evicted, the second refused (429) until there was another`;
  });
}

/** Every pod of a service at once, without time to finish, while orders are under way. */
export async function verifyKilledPods({ cluster, shoppers, report, progress }: Live): Promise<void> {
  await report.check('every order ends though all pods of orders, then of payments, are killed under way', async () => {
    using load = shoppers.begin('shopper', 'restless', String(RESTLESS.rate), String(RESTLESS.seconds));
    const underWay: string[] = [];
    for (const app of ['orders', 'payments']) {
      await progress.step(`all pods of ${app} killed`, async () => {
        const before = await podsOf(cluster, app);
        const since = load.count;
        const said = await load.until((one) => 'pending' in one && one.pending > 0, since);
        await cluster.run(['delete', 'pods', `--selector=${NAME}=${app}`, '--grace-period=0', '--force']);
        underWay.push(`${'pending' in said ? said.pending : 0} when ${before.length} pods of ${app} were killed`);
        await rolledOut(cluster, app);
        await untilOldOnesAreGone(cluster, app);
      });
    }
    const { statuses, orders, endings, wrong } = await progress.step('every order to its end', () =>
      load.result(RestlessResult),
    );
    must(wrong.length === 0, wrong.slice(0, 5).join('; '));
    must(orders > 0, 'there was no order');
    const counts = (of: Readonly<Record<string, number>>): string =>
      Object.entries(of)
        .map(([name, count]) => `${count} ${name}`)
        .join(', ');
    return `${orders} orders (${counts(endings)}), stock adds up; under way: ${underWay.join(', ')}; answers: ${counts(statuses)}`;
  });
}

const lacksImage = ({ status }: Pod): boolean =>
  status.containerStatuses.some(({ state }) => /^(ErrImagePull|ImagePullBackOff)$/u.test(state.waiting?.reason ?? ''));

/** A release that cannot start. */
export async function verifyRollback({ cluster, shoppers, report }: Live): Promise<void> {
  await report.check('a bad image stops its own rollout, orders go on, and undo brings the old one back', async () => {
    const before = (await podsOf(cluster, 'orders')).filter(isReady).map(({ metadata }) => metadata.uid);
    await cluster.run(['set', 'image', 'deployment/orders', 'app=ghcr.io/rookery/orders:no-such-version']);
    const lacks = async (): Promise<boolean> => (await podsOf(cluster, 'orders')).some(lacksImage);
    must((await until(lacks, REFUSED_WITHIN_MS, 1_000)) !== undefined, 'no pod was without its image');
    const { code } = await cluster.try(['rollout', 'status', 'deployment/orders', BAD_IMAGE_FOR]);
    must(code !== 0, 'the rollout went through');
    const serving = (await podsOf(cluster, 'orders')).filter(isReady).map(({ metadata }) => metadata.uid);
    must(
      before.every((uid) => serving.includes(uid)),
      `${serving.length} of ${before.length} old pods serve`,
    );
    const { status } = await shoppers.run(OneOrder, 'shopper', 'order');
    must(status === 'Confirmed', `meanwhile an order ended ${status}`);
    await cluster.run(['rollout', 'undo', 'deployment/orders']);
    await rolledOut(cluster, 'orders');
    await untilOldOnesAreGone(cluster, 'orders');
    const after = (await podsOf(cluster, 'orders')).map(({ metadata }) => metadata.uid);
    must(
      before.every((uid) => after.includes(uid)),
      'pods that served were replaced',
    );
    return `${before.length} old pods served throughout and are still the same`;
  });
}

/** The Pod Security Standard that the namespace's label asks for. */
export async function verifyAdmission({ cluster, facts, report }: Live): Promise<void> {
  const WHAT = 'a pod that may run as root is not let into the namespace';
  if (facts.minor < 23) {
    report.notVerified(WHAT, `Pod Security admission came with Kubernetes 1.23; this is ${facts.version}`);
    return;
  }
  await report.check(WHAT, async () => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'privileged', labels: {}, annotations: {} },
      spec: { containers: [{ name: 'app', image: 'any:1' }] },
    };
    const { code, stderr } = await cluster.apply([pod], '--dry-run=server');
    must(code !== 0 && stderr.includes('violates PodSecurity "restricted'), `answered ${code} ${stderr.trim()}`);
    return 'violates PodSecurity "restricted"';
  });
}

/** How often containers of the apps were restarted. */
export async function restartsOf(cluster: Cluster): Promise<number> {
  const pods = await Promise.all(APPS.map((app) => podsOf(cluster, app)));
  return pods
    .flat()
    .flatMap(({ status }) => status.containerStatuses)
    .reduce((sum, { restartCount }) => sum + restartCount, 0);
}
