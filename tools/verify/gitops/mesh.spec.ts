import { z } from 'zod';
import { type Caller, eventEdges, rpcEdges, Services } from '@rookery/contracts';
import { openEdges } from '../cluster/checks/network';
import { kubectlHere } from '../cluster/kubectl';
import { type Bundle, idOf, type KubernetesObject, pick, strings } from '../cluster/manifest';
import { Manifests } from '../cluster/render';
import { meshEdges } from './mesh';

const kubectl = await kubectlHere();
const callers: readonly Caller[] = ['gateway', ...Services];

/** Who has business with the broker: who calls, is called, publishes or consumes. */
function onTheBroker(): readonly string[] {
  const named = [
    ...Object.entries(rpcEdges).flatMap(([caller, called]) => (called.length > 0 ? [caller, ...called] : [])),
    ...Object.entries(eventEdges).flatMap(([consumer, producers]) => [consumer, ...producers]),
  ];
  return callers.filter((caller) => named.includes(caller));
}

(kubectl === undefined ? describe.skip : describe)('the mesh', () => {
  let manifests: Manifests;
  let bundle: Bundle;
  beforeAll(async () => {
    manifests = await Manifests.copy(kubectl ?? '');
    const prod = await manifests.bundle('prod');
    manifests.write(
      'overlays/meshed/kustomization.yaml',
      'namespace: rookery\nresources: [../prod]\ncomponents: [../../components/mesh-linkerd]\n',
    );
    bundle = { ...prod, objects: await manifests.render('overlays/meshed') };
  });
  afterAll(() => manifests.remove());

  const ports = { gateway: 3000, auth: 3001, products: 3002, orders: 3003, payments: 3004 };

  it('lets in the edges of the context map, the way in, metrics and the broker’s own, and nothing else', () => {
    const expected = [
      ...onTheBroker().map((caller) => `${caller} -> nats:4222`),
      ...['broker-provisioning', ...Services.map((service) => `${service}-recovery`)].map(
        (job) => `${job} -> nats:4222`,
      ),
      'nats -> nats:6222',
      'keda -> nats:8222',
      'monitoring -> nats:7777',
      // Metadata and keys of the issuer, the only HTTP between services.
      'gateway -> auth:3001',
      'envoy-gateway-system -> gateway:3000',
      'envoy-gateway-system -> auth:3001',
      ...callers.map((service) => `monitoring -> ${service}:${ports[service]}`),
    ];
    expect([...meshEdges(bundle)].toSorted()).toEqual(expected.toSorted());
  });

  it('says the same as the network policies, but for databases, names and the proxies’ own port', () => {
    const apart = /-db:|-> (kube-system|anywhere|linkerd|redis):|:4143$/;
    const network = [...openEdges(bundle).open].filter((edge) => !apart.test(edge));
    expect([...meshEdges(bundle)].toSorted()).toEqual(network.toSorted());
  });

  it('refuses by default, and has every pod of the namespace but the databases in it', () => {
    const namespace = bundle.objects.find(({ kind }) => kind === 'Namespace');
    expect(namespace?.metadata.annotations).toMatchObject({
      'linkerd.io/inject': 'enabled',
      'config.linkerd.io/default-inbound-policy': 'deny',
    });
    const clusters = bundle.objects.filter(({ kind }) => kind === 'Cluster');
    expect(clusters).toHaveLength(Services.length);
    for (const cluster of clusters) {
      expect(pick(cluster, 'spec.inheritedMetadata.annotations')).toEqual([{ 'linkerd.io/inject': 'disabled' }]);
    }
  });

  it('has Redis outside, which nobody would be let in to', async () => {
    manifests.write(
      'overlays/meshed-redis/kustomization.yaml',
      'namespace: rookery\nresources: [../prod]\ncomponents: [../../components/mesh-linkerd]\n',
    );
    const meshed = { ...bundle, objects: await manifests.render('overlays/meshed-redis') };
    expect([...meshEdges(meshed)].filter((edge) => edge.includes('redis'))).toEqual([]);
    const redis = meshed.objects.find((object) => idOf(object) === 'StatefulSet/redis');
    expect(pick(redis, 'spec.template.metadata.annotations')).toEqual([{ 'linkerd.io/inject': 'disabled' }]);
  });

  it('carries the broker’s and the databases’ bytes unread', () => {
    const opaque = bundle.objects
      .filter((object) => object.kind === 'Server' && strings(object, 'spec.proxyProtocol').includes('opaque'))
      .flatMap((server) => pick(server, 'spec.port'));
    const namespace = bundle.objects.find(({ kind }) => kind === 'Namespace');
    const annotated = namespace?.metadata.annotations['config.linkerd.io/opaque-ports']?.split(',').map(Number);
    expect(annotated).toEqual(expect.arrayContaining(opaque));
    expect(annotated).toEqual([4222, 5432, 6222, 6379]);
  });

  it('lets the proxies reach one another: clients of an opaque port may send to port 4143 where it is', () => {
    const broker = bundle.objects.filter(
      ({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name.startsWith('mesh-broker'),
    );
    const clients = [...meshEdges(bundle)].flatMap((edge) => /^(\S+) -> nats:(?:4222|6222)$/.exec(edge)?.[1] ?? []);
    for (const path of [
      'spec.ingress.*.from.*.podSelector.matchExpressions.*.values.*',
      'spec.podSelector.matchExpressions.*.values.*',
    ]) {
      expect(broker.flatMap((policy) => strings(policy, path)).toSorted()).toEqual(clients.toSorted());
    }
  });

  describe('would not be taken', () => {
    const changed = (id: string, change: (object: KubernetesObject) => unknown): Bundle => ({
      ...bundle,
      objects: bundle.objects.map((object) =>
        idOf(object) === id ? { ...object, spec: change(structuredClone(object)) } : object,
      ),
    });
    const spec = (object: KubernetesObject): Readonly<Record<string, unknown>> =>
      z.record(z.string(), z.unknown()).parse(object['spec']);

    it.each([
      ['a server of no port', 'Server/nats', { port: 4223 }, 'is of no pod’s port'],
      ['two servers of one port', 'Server/nats-cluster', { port: 4222 }, 'two servers are of nats:4222'],
      ['a misspelt field', 'Server/auth', { proxyprotocol: 'HTTP/1' }, 'proxyprotocol'],
      ['one that lets everybody in', 'Server/auth', { accessPolicy: 'all-unauthenticated' }, 'deny'],
      [
        'an unused authorization',
        'AuthorizationPolicy/auth',
        { targetRef: { group: 'policy.linkerd.io', kind: 'Server', name: 'gone' } },
        'is unused',
      ],
      ['a client without a name', 'MeshTLSAuthentication/auth', { identityRefs: [{ kind: 'ServiceAccount' }] }, 'name'],
    ])('%s', (_, id, difference, said) => {
      expect(() => meshEdges(changed(id, (object) => ({ ...spec(object), ...difference })))).toThrow(said);
    });

    it('and another client makes another edge', () => {
      const identityRefs = [{ kind: 'ServiceAccount', name: 'products' }];
      const edges = meshEdges(changed('MeshTLSAuthentication/auth', (object) => ({ ...spec(object), identityRefs })));
      expect(edges).toContain('products -> auth:3001');
      expect(edges).not.toContain('gateway -> auth:3001');
    });
  });
});
