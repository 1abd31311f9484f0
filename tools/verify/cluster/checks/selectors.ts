import { type Bundle, idOf, pick, type Pod, podsOf, type Port, portOf, selects, strings } from '../manifest';

/** Where objects select pods. */
const SELECTORS: readonly (readonly [kind: string, path: string])[] = [
  ['Service', 'spec.selector'],
  ['PodDisruptionBudget', 'spec.selector'],
  ['NetworkPolicy', 'spec.podSelector'],
  ['PodMonitor', 'spec.selector'],
];

const asSelector = (kind: string, selector: unknown): unknown =>
  kind === 'Service' ? { matchLabels: selector } : selector;

/** The pods that an object of one of the selecting kinds means. */
function selectedBy(kind: string, selector: unknown, pods: readonly Pod[]): readonly Pod[] {
  return pods.filter(({ labels }) => selects(asSelector(kind, selector), labels));
}

/** Selectors that match no pod, and workloads whose selector does not match their own pods. */
export function selectorsWithoutPods(bundle: Bundle): readonly string[] {
  const pods = podsOf(bundle);
  const empty = SELECTORS.flatMap(([kind, path]) =>
    bundle.objects
      .filter((object) => object.kind === kind)
      .flatMap((object) =>
        pick(object, path)
          .filter((selector) => selectedBy(kind, selector, pods).length === 0)
          .map(() => `${idOf(object)}: ${path} selects no pod`),
      ),
  );
  const foreign = bundle.objects
    .filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet')
    .flatMap((object) => {
      const labels = pods.find(({ owner }) => owner === idOf(object))?.labels ?? {};
      return ['spec.selector', ...SPREAD.map((path) => `spec.template.spec.${path}`)].flatMap((path) =>
        pick(object, path)
          .filter((selector) => !selects(selector, labels))
          .map(() => `${idOf(object)}: ${path} does not select its own pods`),
      );
    });
  // To the cluster, two workloads behind one Service or budget are one.
  const shared = bundle.objects
    .filter(({ kind }) => kind === 'Service' || kind === 'PodDisruptionBudget')
    .filter((object) => selectedBy(object.kind, pick(object, 'spec.selector')[0], pods).length > 1)
    .map((object) => `${idOf(object)}: spec.selector selects the pods of more than one workload`);
  return [...empty, ...foreign, ...shared];
}

const SPREAD = ['topologySpreadConstraints.*.labelSelector'] as const;

/** Ports of probes, Services, routes, monitors and policies that no container listens on. */
export function unknownPorts(bundle: Bundle): readonly string[] {
  const pods = podsOf(bundle);
  const probes = pods.flatMap((pod) =>
    (pod.spec?.containers ?? []).flatMap((container) =>
      [container.startupProbe, container.readinessProbe, container.livenessProbe].flatMap((probe) => {
        const port = probe?.httpGet?.port ?? probe?.tcpSocket?.port;
        const own = {
          ...pod,
          ports: container.ports.map(({ name, containerPort }) => ({ name, port: containerPort })),
        };
        return port === undefined || portOf(own, port) !== undefined
          ? []
          : [`${pod.owner}: a probe asks port ${port}, which container ${container.name} does not have`];
      }),
    ),
  );
  return [...probes, ...selectedPorts(bundle, pods), ...backendPorts(bundle)];
}

function selectedPorts(bundle: Bundle, pods: readonly Pod[]): readonly string[] {
  const paths: Readonly<Record<string, string>> = {
    Service: 'spec.ports.*.targetPort',
    PodMonitor: 'spec.podMetricsEndpoints.*.port',
    NetworkPolicy: 'spec.ingress.*.ports.*.port',
  };
  return bundle.objects.flatMap((object) => {
    const path = paths[object.kind];
    const [, selectorPath] = SELECTORS.find(([kind]) => kind === object.kind) ?? [];
    if (path === undefined || selectorPath === undefined) {
      return [];
    }
    const selected = selectedBy(object.kind, pick(object, selectorPath)[0], pods);
    return pick(object, path)
      .filter(isPort)
      .flatMap((port) =>
        selected
          .filter((pod) => portOf(pod, port) === undefined)
          .map(({ owner }) => `${idOf(object)}: port ${port} is none of ${owner}`),
      );
  });
}

const isPort = (value: unknown): value is Port => typeof value === 'string' || typeof value === 'number';

/** Ingresses and routes name the port of a Service. */
function backendPorts(bundle: Bundle): readonly string[] {
  const services = new Map(
    bundle.objects
      .filter(({ kind }) => kind === 'Service')
      .map((service) => [service.metadata.name, pick(service, 'spec.ports.*')] as const),
  );
  const backends = bundle.objects.flatMap((object) =>
    [...pick(object, 'spec.rules.*.http.paths.*.backend.service'), ...pick(object, 'spec.rules.*.backendRefs.*')].map(
      (backend) => [idOf(object), backend] as const,
    ),
  );
  return backends.flatMap(([id, backend]) => {
    const [service = ''] = strings(backend, 'name');
    const [port] = [...pick(backend, 'port.name'), ...pick(backend, 'port.number'), ...pick(backend, 'port')].filter(
      isPort,
    );
    const known = (services.get(service) ?? []).flatMap((one) => [...pick(one, 'name'), ...pick(one, 'port')]);
    return port !== undefined && known.includes(port)
      ? []
      : [`${id}: Service/${service} has no port ${port ?? '(none)'}`];
  });
}
