import { z } from 'zod';

const Labels = z.record(z.string(), z.string()).default({});

/** A Kubernetes object, as far as every kind is the same. */
export const KubernetesObject = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    labels: Labels,
    annotations: Labels,
  }),
});
export type KubernetesObject = z.infer<typeof KubernetesObject>;

/** What an environment deploys, with what it finds on the cluster. */
export interface Bundle {
  /** Its folder below k8s/overlays. */
  readonly overlay: string;
  /** The label that its objects carry. */
  readonly environment: string;
  readonly objects: readonly KubernetesObject[];
  /** Once per cluster, k8s/platform/cluster, and what is put there by hand. */
  readonly shared: readonly KubernetesObject[];
  /** Values of the NATS chart where the broker comes by it; undefined where it stands among the objects. */
  readonly natsChart: unknown;
}

/** `Deployment/orders` */
export const idOf = ({ kind, metadata }: KubernetesObject): string => `${kind}/${metadata.name}`;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The values at a path such as `spec.rules.*.host`; `*` goes through a list or a map. Empty when nothing is there. */
export function pick(value: unknown, path: string): readonly unknown[] {
  const step = (found: readonly unknown[], name: string): readonly unknown[] =>
    found.flatMap((one): readonly unknown[] => {
      if (Array.isArray(one)) {
        return name === '*' ? one : at(one, Number(name));
      }
      if (!isRecord(one)) {
        return [];
      }
      return name === '*' ? Object.values(one) : one[name] === undefined ? [] : [one[name]];
    });
  return path.split('.').reduce(step, [value]);
}

const at = (list: readonly unknown[], index: number): readonly unknown[] =>
  list[index] === undefined ? [] : [list[index]];

/** The fields of a map; none of anything else. */
export const entriesOf = (value: unknown): readonly (readonly [name: string, value: unknown])[] =>
  isRecord(value) ? Object.entries(value) : [];

/** The strings at a path. */
export const strings = (value: unknown, path: string): readonly string[] =>
  pick(value, path).filter((one) => typeof one === 'string');

const Port = z.union([z.string(), z.number()]);
export type Port = z.infer<typeof Port>;

const Probe = z.looseObject({
  httpGet: z.looseObject({ path: z.string(), port: Port }).optional(),
  tcpSocket: z.looseObject({ port: Port }).optional(),
});

const Quantities = z.record(z.string(), z.string()).default({});

export const Container = z.looseObject({
  name: z.string(),
  image: z.string(),
  args: z.array(z.string()).default([]),
  ports: z.array(z.looseObject({ name: z.string().optional(), containerPort: z.number() })).default([]),
  env: z.array(z.looseObject({ name: z.string(), value: z.string().optional() })).default([]),
  envFrom: z.array(z.unknown()).default([]),
  volumeMounts: z.array(z.looseObject({ name: z.string(), mountPath: z.string() })).default([]),
  startupProbe: Probe.optional(),
  readinessProbe: Probe.optional(),
  livenessProbe: Probe.optional(),
  resources: z.looseObject({ requests: Quantities, limits: Quantities }).optional(),
  securityContext: z
    .looseObject({ capabilities: z.looseObject({ add: z.array(z.string()).optional() }).optional() })
    .optional(),
});
export type Container = z.infer<typeof Container>;

const KeyToPath = z.looseObject({ key: z.string(), path: z.string() });
const Volume = z.looseObject({
  name: z.string(),
  secret: z.looseObject({ secretName: z.string(), items: z.array(KeyToPath).optional() }).optional(),
});

export const PodSpec = z.looseObject({
  serviceAccountName: z.string().optional(),
  automountServiceAccountToken: z.boolean().optional(),
  terminationGracePeriodSeconds: z.number().default(30),
  securityContext: z.looseObject({ runAsUser: z.number().optional() }).optional(),
  containers: z.array(Container).min(1),
  initContainers: z.array(Container).default([]),
  volumes: z.array(Volume).default([]),
});
export type PodSpec = z.infer<typeof PodSpec>;

/** A pod of a workload, of an operator or of a chart, with the labels that select it. */
export interface Pod {
  /** `Deployment/orders` */
  readonly owner: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ports: readonly { readonly name?: string | undefined; readonly port: number }[];
  /** Its specification in the manifests; undefined for a pod that an operator or a chart makes. */
  readonly spec: PodSpec | undefined;
}

const Template = z.looseObject({ metadata: z.looseObject({ labels: Labels }), spec: PodSpec });

/** Every pod of a bundle: of workloads, of CloudNativePG's clusters (its documented ports), of the NATS chart. */
export function podsOf({ objects, natsChart }: Bundle): readonly Pod[] {
  const made = objects.flatMap((object): readonly Pod[] => {
    if (object.kind === 'Cluster') {
      const labels = Labels.parse(pick(object, 'spec.inheritedMetadata.labels')[0]);
      return [{ owner: idOf(object), labels, ports: CLOUDNATIVE_PG_PORTS, spec: undefined }];
    }
    const [template] = pick(object, templateOf(object.kind));
    if (!WORKLOADS.includes(object.kind) || template === undefined) {
      return [];
    }
    const { metadata, spec } = Template.parse(template);
    const ports = spec.containers.flatMap((container) =>
      container.ports.map(({ name, containerPort }) => ({ name, port: containerPort })),
    );
    return [{ owner: idOf(object), labels: metadata.labels, ports, spec }];
  });
  if (natsChart === undefined) {
    return made;
  }
  const labels = { 'app.kubernetes.io/name': 'nats', ...Labels.parse(pick(natsChart, CHART_POD_LABELS)[0]) };
  return [...made, { owner: 'chart/nats', labels, ports: NATS_CHART_PORTS, spec: undefined }];
}

const WORKLOADS: readonly string[] = ['Deployment', 'StatefulSet', 'Job', 'CronJob'];
/** Where a workload describes its pods. */
const templateOf = (kind: string): string => (kind === 'CronJob' ? 'spec.jobTemplate.spec.template' : 'spec.template');
const CHART_POD_LABELS = 'podTemplate.merge.metadata.labels';
const CLOUDNATIVE_PG_PORTS = [
  { name: 'postgresql', port: 5432 },
  { name: 'status', port: 8000 },
  { name: 'metrics', port: 9187 },
];
const NATS_CHART_PORTS = [
  { name: 'nats', port: 4222 },
  { name: 'cluster', port: 6222 },
  { name: 'monitor', port: 8222 },
  { name: 'prom-metrics', port: 7777 },
];

const Selector = z.looseObject({
  matchLabels: Labels,
  matchExpressions: z
    .array(
      z.looseObject({
        key: z.string(),
        operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
        values: z.array(z.string()).default([]),
      }),
    )
    .default([]),
});

/** Whether a label selector matches a set of labels; an empty one matches all. */
export function selects(selector: unknown, labels: Readonly<Record<string, string>>): boolean {
  const { matchLabels, matchExpressions } = Selector.parse(selector);
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values }) => {
      const value = labels[key];
      switch (operator) {
        case 'In':
          return value !== undefined && values.includes(value);
        case 'NotIn':
          return value === undefined || !values.includes(value);
        case 'Exists':
          return value !== undefined;
        case 'DoesNotExist':
          return value === undefined;
      }
    })
  );
}

/** The number of a port that is given by number or name; undefined when the pod does not have it. */
export function portOf(pod: Pod, port: Port): number | undefined {
  return pod.ports.find((one) => (typeof port === 'number' ? one.port === port : one.name === port))?.port;
}
