import { Resource } from './resource';

/** One resource, and what the named policy says of it. */
export interface Case {
  readonly policy: string;
  readonly resource: Resource;
  /** The message of the validation that refuses it; undefined: it is admitted. */
  readonly refusedFor: string | undefined;
}

/** One of our images as it is deployed. */
export const digest = `ghcr.io/rookery/orders@sha256:${'5e'.repeat(32)}`;

const hardened = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};
const resources = { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } };
const labels = { 'rookery.dev/team': 'ordering', 'rookery.dev/service': 'orders', 'rookery.dev/environment': 'prod' };

/** As it is sent to the API server: what is undefined is not there. */
const resource = (fields: unknown): Resource => Resource.parse(JSON.parse(JSON.stringify(fields)));

type Fields = Readonly<Record<string, unknown>>;

interface Difference {
  readonly namespace?: string;
  readonly labels?: Fields;
  readonly spec?: Fields;
  readonly container?: Fields;
  readonly security?: Fields;
}

/** A pod that every policy admits, but for the given differences. */
export function pod(name: string, difference: Difference = {}): Resource {
  return resource({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: difference.namespace ?? 'rookery', labels: { ...labels, ...difference.labels } },
    spec: {
      securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'app',
          image: digest,
          resources,
          securityContext: { ...hardened, ...difference.security },
          ...difference.container,
        },
      ],
      ...difference.spec,
    },
  });
}

/** Another container beside the app’s, for the places where it is easily forgotten. */
const beside = (difference: Fields): Fields => ({
  name: 'beside',
  image: digest,
  resources,
  securityContext: hardened,
  ...difference,
});

const claim = (name: string, claimLabels: Fields): Resource =>
  resource({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace: 'rookery', labels: claimLabels },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  });

const workload = (apiVersion: string, kind: string, namespace: string): Resource =>
  resource({
    apiVersion,
    kind,
    metadata: { name: `${kind.toLowerCase()}-in-${namespace}`, namespace },
    spec: { template: { metadata: { labels }, spec: pod('any')['spec'] } },
  });

const admitted = (policy: string, ...admittedOnes: readonly Resource[]): readonly Case[] =>
  admittedOnes.map((resource) => ({ policy, resource, refusedFor: undefined }));

const refused = (policy: string, refusedFor: string, ...refusedOnes: readonly Resource[]): readonly Case[] =>
  refusedOnes.map((resource) => ({ policy, resource, refusedFor }));

const ONLY_OURS =
  'An image is one of ghcr.io/rookery by digest, or of the mesh, the database operator, the broker or Redis.';
const APART = 'Costs are told apart by the labels rookery.dev/team and rookery.dev/service.';
const ENVIRONMENT = 'The label rookery.dev/environment is dev, staging or prod.';
const NO_DEFAULT = 'Nothing runs in the namespace default, which no network policy and no quota closes.';
const REQUESTS =
  'Each container requests CPU and memory, by which the scheduler places it and autoscaling measures it.';
const LIMIT = 'Each container has a memory limit, so that a leak ends one process and not its node.';
const SHARED = 'A pod shares no network, port, process table or memory with its node.';
const VOLUMES = 'A volume is configuration, a secret, a claim or an empty folder, never a path of the node.';
const PRIVILEGES = 'A container is not privileged and sets allowPrivilegeEscalation to false.';
const NON_ROOT = 'A container sets runAsNonRoot, or its pod does.';
const USER = 'Nothing runs as user 0.';
const SECCOMP = 'The system calls of a container are filtered by a seccomp profile.';
const CAPABILITIES = 'A container drops ALL capabilities and adds none but NET_BIND_SERVICE.';
const READ_ONLY = 'The root file system of a container is read-only.';

/** What `kyverno test` and the spec both try. The signatures are apart: Kyverno would ask the registry for images that are not there. */
export const cases: readonly Case[] = [
  ...admitted(
    'images-by-digest',
    pod('by-digest'),
    pod('mesh-proxy', { container: { image: 'cr.l5d.io/linkerd/proxy:edge-26.9.1' } }),
  ),
  ...refused(
    'images-by-digest',
    ONLY_OURS,
    pod('by-tag', { container: { image: 'ghcr.io/rookery/orders:1.4.0' } }),
    pod('by-tag-in-staging', { namespace: 'rookery-staging', container: { image: 'ghcr.io/rookery/orders:1.4.0' } }),
    pod('latest', { container: { image: 'ghcr.io/rookery/orders' } }),
    pod('foreign', { container: { image: `docker.io/library/busybox@sha256:${'5e'.repeat(32)}` } }),
    pod('look-alike', { container: { image: `evil.example/ghcr.io/rookery/orders@sha256:${'5e'.repeat(32)}` } }),
    pod('short-digest', { container: { image: 'ghcr.io/rookery/orders@sha256:5e5e' } }),
    pod('init-by-tag', { spec: { initContainers: [beside({ image: 'ghcr.io/rookery/orders:1.4.0' })] } }),
    pod('debug-by-tag', { spec: { ephemeralContainers: [beside({ image: 'busybox:1', resources: {} })] } }),
  ),
  ...admitted('cost-labels', pod('labelled'), claim('labelled-claim', labels)),
  ...refused(
    'cost-labels',
    APART,
    pod('no-team', { labels: { 'rookery.dev/team': '' } }),
    claim('no-service', { ...labels, 'rookery.dev/service': '' }),
  ),
  ...refused('cost-labels', ENVIRONMENT, pod('no-environment', { labels: { 'rookery.dev/environment': 'test' } })),
  ...admitted('no-default-namespace', pod('elsewhere'), workload('apps/v1', 'Deployment', 'rookery')),
  ...refused(
    'no-default-namespace',
    NO_DEFAULT,
    pod('in-default', { namespace: 'default' }),
    workload('apps/v1', 'Deployment', 'default'),
    workload('apps/v1', 'StatefulSet', 'default'),
    workload('batch/v1', 'Job', 'default'),
  ),
  ...admitted(
    'requests-and-limits',
    pod('sized'),
    pod('sized-debug', { spec: { ephemeralContainers: [beside({ resources: {} })] } }),
    pod('sized-meshed', {
      spec: { initContainers: [beside({ image: 'cr.l5d.io/linkerd/proxy:edge-26.9.1', resources: {} })] },
    }),
  ),
  ...refused(
    'requests-and-limits',
    REQUESTS,
    pod('no-requests', { container: { resources: { limits: resources.limits } } }),
    pod('no-cpu-request', { container: { resources: { ...resources, requests: { memory: '128Mi' } } } }),
    pod('init-no-requests', { spec: { initContainers: [beside({ resources: { limits: resources.limits } })] } }),
  ),
  ...refused(
    'requests-and-limits',
    LIMIT,
    pod('no-limits', { container: { resources: { requests: resources.requests } } }),
    pod('cpu-limit-alone', { container: { resources: { ...resources, limits: { cpu: '1' } } } }),
  ),
  ...admitted(
    'restricted-pods',
    pod('restricted'),
    pod('restricted-by-containers', {
      security: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      spec: { securityContext: {}, volumes: [{ name: 'tmp', emptyDir: {} }] },
    }),
    pod('low-port', { security: { capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] } } }),
  ),
  ...refused(
    'restricted-pods',
    SHARED,
    pod('host-network', { spec: { hostNetwork: true } }),
    pod('host-pid', { spec: { hostPID: true } }),
    pod('host-ipc', { spec: { hostIPC: true } }),
    pod('host-port', { container: { ports: [{ containerPort: 3003, hostPort: 80 }] } }),
  ),
  ...refused(
    'restricted-pods',
    VOLUMES,
    pod('host-path', { spec: { volumes: [{ name: 'node', hostPath: { path: '/' } }] } }),
  ),
  ...refused(
    'restricted-pods',
    PRIVILEGES,
    pod('privileged', { security: { privileged: true } }),
    pod('escalating', { security: { allowPrivilegeEscalation: true } }),
    pod('escalating-by-default', { security: { allowPrivilegeEscalation: undefined } }),
    pod('init-privileged', {
      spec: { initContainers: [beside({ securityContext: { ...hardened, privileged: true } })] },
    }),
  ),
  ...refused(
    'restricted-pods',
    NON_ROOT,
    pod('root-perhaps', { spec: { securityContext: { seccompProfile: { type: 'RuntimeDefault' } } } }),
    pod('root-in-container', { security: { runAsNonRoot: false } }),
  ),
  ...refused(
    'restricted-pods',
    USER,
    pod('user-0', { security: { runAsUser: 0 } }),
    pod('pod-user-0', {
      spec: { securityContext: { runAsNonRoot: true, runAsUser: 0, seccompProfile: { type: 'RuntimeDefault' } } },
    }),
  ),
  ...refused(
    'restricted-pods',
    SECCOMP,
    pod('no-seccomp', { spec: { securityContext: { runAsNonRoot: true } } }),
    pod('unconfined', { security: { seccompProfile: { type: 'Unconfined' } } }),
  ),
  ...refused(
    'restricted-pods',
    CAPABILITIES,
    pod('capabilities-by-default', { security: { capabilities: undefined } }),
    pod('network-admin', { security: { capabilities: { drop: ['ALL'], add: ['NET_ADMIN'] } } }),
    pod('drops-one', { security: { capabilities: { drop: ['NET_RAW'] } } }),
  ),
  ...refused(
    'restricted-pods',
    READ_ONLY,
    pod('writable', { security: { readOnlyRootFilesystem: false } }),
    pod('debug-writable', {
      spec: { ephemeralContainers: [beside({ securityContext: { ...hardened, readOnlyRootFilesystem: undefined } })] },
    }),
  ),
];
