import { type Bundle, entriesOf, idOf, type KubernetesObject, pick, podsOf, strings } from '../manifest';

/** Where an object of a kind names another one, and of which kind that is. `pod:` stands for the pod of every workload. */
const REFERENCES: readonly (readonly [kind: string, path: string, target: string])[] = [
  ['pod:', 'serviceAccountName', 'ServiceAccount'],
  ['pod:', 'priorityClassName', 'PriorityClass'],
  ['pod:', 'volumes.*.secret.secretName', 'Secret'],
  ['pod:', 'volumes.*.configMap.name', 'ConfigMap'],
  ['pod:', 'volumes.*.projected.sources.*.secret.name', 'Secret'],
  ['pod:', 'volumes.*.projected.sources.*.configMap.name', 'ConfigMap'],
  ['pod:', 'containers.*.envFrom.*.secretRef.name', 'Secret'],
  ['pod:', 'containers.*.envFrom.*.configMapRef.name', 'ConfigMap'],
  ['pod:', 'containers.*.env.*.valueFrom.secretKeyRef.name', 'Secret'],
  ['pod:', 'containers.*.env.*.valueFrom.configMapKeyRef.name', 'ConfigMap'],
  ['StatefulSet', 'spec.serviceName', 'Service'],
  ['Ingress', 'spec.rules.*.http.paths.*.backend.service.name', 'Service'],
  ['Ingress', 'spec.tls.*.secretName', 'Secret'],
  ['HTTPRoute', 'spec.rules.*.backendRefs.*.name', 'Service'],
  ['HTTPRoute', 'spec.parentRefs.*.name', 'Gateway'],
  ['Gateway', 'spec.listeners.*.tls.certificateRefs.*.name', 'Secret'],
  ['HorizontalPodAutoscaler', 'spec.scaleTargetRef.name', 'Deployment'],
  ['ScaledObject', 'spec.scaleTargetRef.name', 'Deployment'],
  ['VerticalPodAutoscaler', 'spec.targetRef.name', 'Deployment'],
  ['ExternalSecret', 'spec.secretStoreRef.name', 'SecretStore'],
  ['SecretStore', 'spec.provider.vault.auth.kubernetes.serviceAccountRef.name', 'ServiceAccount'],
  ['Certificate', 'spec.issuerRef.name', 'Issuer'],
  ['Issuer', 'spec.ca.secretName', 'Secret'],
  ['Cluster', 'spec.bootstrap.initdb.secret.name', 'Secret'],
  ['Cluster', 'spec.certificates.*', 'Secret'],
  ['Cluster', 'spec.plugins.*.parameters.barmanObjectName', 'ObjectStore'],
  ['Cluster', 'spec.priorityClassName', 'PriorityClass'],
  ['ScheduledBackup', 'spec.cluster.name', 'Cluster'],
  ['chart/nats', 'config.*.tls.secretName', 'Secret'],
  ['chart/nats', 'tlsCA.secretName', 'Secret'],
  ['chart/nats', 'container.merge.envFrom.*.secretRef.name', 'Secret'],
  ['chart/nats', 'podTemplate.merge.spec.priorityClassName', 'PriorityClass'],
  ['chart/nats', 'podTemplate.patch.*.value.configMap.name', 'ConfigMap'],
];

/** Where an object names what a controller makes from it, for example the Secret of an ExternalSecret. */
const MADE: readonly (readonly [kind: string, path: string, target: string])[] = [
  ['ExternalSecret', 'spec.target.name', 'Secret'],
  ['Certificate', 'spec.secretName', 'Secret'],
  ['SealedSecret', 'metadata.name', 'Secret'],
];

/** cert-manager makes the certificates that objects with this annotation name. */
const CERTIFICATES_MADE_FOR = 'cert-manager.io/cluster-issuer';

const named = (bundle: Bundle): ReadonlySet<string> => {
  const objects = [...bundle.objects, ...bundle.shared];
  const made = MADE.flatMap(([kind, path, target]) =>
    objects.filter((object) => object.kind === kind).flatMap((object) => strings(object, path).map(toId(target))),
  );
  const certificates = objects
    .filter(({ metadata }) => CERTIFICATES_MADE_FOR in metadata.annotations)
    .flatMap((object) => [
      ...strings(object, 'spec.tls.*.secretName'),
      ...strings(object, 'spec.listeners.*.tls.certificateRefs.*.name'),
    ])
    .map(toId('Secret'));
  // The operator makes one Service for writers of each cluster, the chart the broker's.
  const services = objects
    .filter(({ kind }) => kind === 'Cluster')
    .map((cluster) => `Service/${cluster.metadata.name}-rw`);
  const chart = bundle.natsChart === undefined ? [] : ['Service/nats', 'Service/nats-headless'];
  return new Set([...objects.map(idOf), ...made, ...certificates, ...services, ...chart]);
};

const toId =
  (kind: string) =>
  (name: string): string =>
    `${kind}/${name}`;

/** References to objects that do not exist, and to keys that a Secret does not have. */
export function danglingReferences(bundle: Bundle): readonly string[] {
  const there = named(bundle);
  const holders: readonly (readonly [id: string, kind: string, value: unknown])[] = [
    ...bundle.objects.map((object) => [idOf(object), object.kind, object] as const),
    ...podsOf(bundle).map(({ owner, spec }) => [owner, 'pod:', spec] as const),
    ['chart/nats', 'chart/nats', bundle.natsChart],
  ];
  const dangling = holders.flatMap(([id, kind, value]) =>
    REFERENCES.filter(([holder]) => holder === kind).flatMap(([, path, target]) =>
      strings(value, path)
        .map(toId(target))
        .filter((name) => !there.has(name))
        .map((name) => `${id}: ${path} names ${name}, which does not exist`),
    ),
  );
  return [...dangling, ...missingKeys(bundle), ...unknownHosts(bundle, there)];
}

/** The keys of each Secret whose content is in the manifests. */
export function secretKeys({ objects, shared }: Bundle): ReadonlyMap<string, readonly string[]> {
  const keysOf = (object: KubernetesObject): readonly (readonly [string, readonly string[]])[] => {
    const [target] = strings(object, 'spec.target.name');
    const [secret] = strings(object, 'spec.secretName');
    const keys = (path: string): readonly string[] =>
      pick(object, path).flatMap((map) => entriesOf(map).map(([key]) => key));
    switch (object.kind) {
      case 'Secret':
        return [[object.metadata.name, [...keys('data'), ...keys('stringData')]]];
      case 'SealedSecret':
        return [[object.metadata.name, keys('spec.encryptedData')]];
      case 'Certificate':
        return secret === undefined ? [] : [[secret, ['tls.crt', 'tls.key', 'ca.crt']]];
      case 'ExternalSecret': {
        // With a template, the Secret contains only what the template names.
        const rendered = keys('spec.target.template.data');
        const taken = rendered.length > 0 ? rendered : strings(object, 'spec.data.*.secretKey');
        return target === undefined ? [] : [[target, taken]];
      }
      default:
        return [];
    }
  };
  return new Map([...objects, ...shared].flatMap(keysOf));
}

function missingKeys(bundle: Bundle): readonly string[] {
  const keys = secretKeys(bundle);
  return podsOf(bundle).flatMap(({ owner, spec }) =>
    (spec?.volumes ?? []).flatMap(({ secret }) =>
      (secret?.items ?? [])
        .filter(({ key }) => keys.get(secret?.secretName ?? '')?.includes(key) === false)
        .map(({ key }) => `${owner}: mounts ${key} of Secret/${secret?.secretName ?? ''}, which has no such key`),
    ),
  );
}

/** A host without dots is a Service of the namespace. */
const ADDRESS = /\b[a-z]+:\/\/(?:[^@/]*@)?([a-z][a-z0-9-]*)(?::(\d+))?(?=[/,?\s]|$)/gu;
const DEFAULT_PORT = 80;

function unknownHosts(bundle: Bundle, there: ReadonlySet<string>): readonly string[] {
  const ports = new Map(
    bundle.objects
      .filter(({ kind }) => kind === 'Service')
      .map((service) => [service.metadata.name, pick(service, 'spec.ports.*.port')] as const),
  );
  const texts = bundle.objects.flatMap((object) =>
    [
      ...(object.kind === 'ConfigMap' ? strings(object, 'data.*') : []),
      ...(object.kind === 'ExternalSecret' ? strings(object, 'spec.target.template.data.*') : []),
    ].map((text) => [idOf(object), text] as const),
  );
  return texts.flatMap(([id, text]) =>
    [...text.matchAll(ADDRESS)].flatMap(([address, host = '', port]) => {
      if (host === 'localhost') {
        return [];
      }
      if (!there.has(`Service/${host}`)) {
        return [`${id}: ${address} is on Service/${host}, which does not exist`];
      }
      const open = ports.get(host);
      return open === undefined || open.includes(Number(port ?? DEFAULT_PORT))
        ? []
        : [`${id}: ${address} is on a port that Service/${host} does not have`];
    }),
  );
}
