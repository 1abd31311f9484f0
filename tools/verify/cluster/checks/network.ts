import { z } from 'zod';
import { type Caller, type Service, Services } from '@rookery/contracts';
import { type Bundle, type KubernetesObject, pick, type Pod, podsOf, portOf, selects } from '../manifest';

/** The context map (libs/contracts/src/registry.ts), as far as the network can tell its edges apart. */
export interface ContextMap {
  readonly rpcEdges: Readonly<Record<Caller, readonly Service[]>>;
  readonly eventEdges: Readonly<Partial<Record<Service, readonly Service[]>>>;
}

const Port = z.looseObject({ port: z.union([z.string(), z.number()]) });
const Peer = z.looseObject({
  podSelector: z.unknown().optional(),
  namespaceSelector: z.looseObject({ matchLabels: z.record(z.string(), z.string()).default({}) }).optional(),
});
type Peer = z.infer<typeof Peer>;
const Rule = z.looseObject({
  from: z.array(Peer).optional(),
  to: z.array(Peer).optional(),
  ports: z.array(Port).optional(),
});
const Policy = z.looseObject({
  podSelector: z.unknown(),
  policyTypes: z.array(z.enum(['Ingress', 'Egress'])),
  ingress: z.array(Rule).default([]),
  egress: z.array(Rule).default([]),
});
type Policy = z.infer<typeof Policy>;
type Rule = z.infer<typeof Rule>;

const nameOf = ({ labels, owner }: Pod): string => labels['app.kubernetes.io/name'] ?? owner;

/** The namespace of a peer outside of the bundle's own. */
const outsiderOf = ({ namespaceSelector }: Peer): string =>
  namespaceSelector?.matchLabels['kubernetes.io/metadata.name'] ?? '?';

/** What the policies of a bundle open: `orders -> nats:4222`, `keda -> nats:8222`, `orders -> kube-system:53`. */
export function openEdges(bundle: Bundle): {
  readonly open: ReadonlySet<string>;
  readonly halfOpen: readonly string[];
} {
  const pods = podsOf(bundle);
  const policies = bundle.objects
    .filter(({ kind }) => kind === 'NetworkPolicy')
    .map((object: KubernetesObject) => Policy.parse(pick(object, 'spec')[0]));
  const sent = new Set(pods.flatMap((from) => egressOf(from, pods, policies)));
  const taken = new Set(pods.flatMap((to) => ingressOf(to, pods, policies)));
  const inside = (edge: string): boolean => pods.some((pod) => edge.includes(`-> ${nameOf(pod)}:`));
  const fromInside = (edge: string): boolean => pods.some((pod) => edge.startsWith(`${nameOf(pod)} ->`));
  const halfOpen = [
    ...[...sent]
      .filter((edge) => inside(edge) && !taken.has(edge))
      .map((edge) => `${edge} may be sent and is not accepted`),
    ...[...taken]
      .filter((edge) => fromInside(edge) && !sent.has(edge))
      .map((edge) => `${edge} is accepted and may not be sent`),
  ];
  const open = [
    ...[...sent].filter((edge) => !inside(edge) || taken.has(edge)),
    ...[...taken].filter((edge) => !fromInside(edge)),
  ];
  return { open: new Set(open), halfOpen };
}

/** Rules of one direction that hold for a pod; undefined when no policy closes that direction for it. */
function rulesFor(pod: Pod, policies: readonly Policy[], type: 'Ingress' | 'Egress'): readonly Rule[] | undefined {
  const closing = policies.filter(
    (policy) => policy.policyTypes.includes(type) && selects(policy.podSelector, pod.labels),
  );
  if (closing.length === 0) {
    return undefined;
  }
  return closing.flatMap((policy) => (type === 'Ingress' ? policy.ingress : policy.egress));
}

const EVERYTHING: readonly Rule[] = [{}];

function egressOf(from: Pod, pods: readonly Pod[], policies: readonly Policy[]): readonly string[] {
  return (rulesFor(from, policies, 'Egress') ?? EVERYTHING).flatMap((rule) => {
    if (rule.to === undefined) {
      return portsOf(rule).map((port) => `${nameOf(from)} -> anywhere:${port}`);
    }
    return rule.to.flatMap((peer) => {
      if (peer.namespaceSelector !== undefined) {
        return portsOf(rule).map((port) => `${nameOf(from)} -> ${outsiderOf(peer)}:${port}`);
      }
      return pods
        .filter(({ labels }) => selects(peer.podSelector ?? {}, labels))
        .flatMap((to) => numbersOf(rule, to).map((port) => `${nameOf(from)} -> ${nameOf(to)}:${port}`));
    });
  });
}

function ingressOf(to: Pod, pods: readonly Pod[], policies: readonly Policy[]): readonly string[] {
  return (rulesFor(to, policies, 'Ingress') ?? EVERYTHING).flatMap((rule) => {
    const ports = numbersOf(rule, to);
    if (rule.from === undefined) {
      return ports.map((port) => `anywhere -> ${nameOf(to)}:${port}`);
    }
    return rule.from.flatMap((peer) => {
      const froms =
        peer.namespaceSelector === undefined
          ? pods.filter(({ labels }) => selects(peer.podSelector ?? {}, labels)).map(nameOf)
          : [outsiderOf(peer)];
      return froms.flatMap((from) => ports.map((port) => `${from} -> ${nameOf(to)}:${port}`));
    });
  });
}

const portsOf = (rule: Rule): readonly string[] => rule.ports?.map(({ port }) => String(port)) ?? ['any'];

function numbersOf(rule: Rule, to: Pod): readonly string[] {
  if (rule.ports === undefined) {
    return ['any'];
  }
  return rule.ports.flatMap(({ port }) => portOf(to, port) ?? []).map(String);
}

/** The edges that the system needs, and no other: from the context map, and from what the bundle contains besides the services. */
export function neededEdges(bundle: Bundle, { rpcEdges, eventEdges }: ContextMap): ReadonlySet<string> {
  const pods = podsOf(bundle);
  const has = (kind: string): boolean => bundle.objects.some((object) => object.kind === kind);
  const ports = (name: string): readonly string[] =>
    pods.filter((pod) => nameOf(pod) === name).flatMap((pod) => pod.ports.map(({ port }) => `${name}:${port}`));
  const callers: readonly Caller[] = ['gateway', ...Services];
  const talks = callers.filter(
    (caller) =>
      rpcEdges[caller].length > 0 ||
      Object.values(rpcEdges).some((called) => called.some((service) => service === caller)) ||
      Object.entries(eventEdges).some(([consumer, producers]) => [consumer, ...producers].includes(caller)),
  );
  const databases = Services.map((service) => (has('Cluster') ? `${service}-db` : 'postgres'));
  const apps = callers.flatMap(ports);
  return new Set([
    ...talks.map((caller) => `${caller} -> nats:4222`),
    ...['broker-provisioning', ...Services.map((service) => `${service}-recovery`)].map((job) => `${job} -> nats:4222`),
    ...ports('auth').map((auth) => `gateway -> ${auth}`),
    ...Services.flatMap((service, index) =>
      [service, `${service}-migration`, ...(service === 'orders' ? ['orders-recovery'] : [])].map(
        (client) => `${client} -> ${databases[index] ?? ''}:5432`,
      ),
    ),
    ...pods.map((pod) => `${nameOf(pod)} -> kube-system:53`),
    ...['gateway', 'auth']
      .flatMap(ports)
      .flatMap((edge) => [
        ...(has('Ingress') ? [`ingress-nginx -> ${edge}`] : []),
        ...(has('HTTPRoute') ? [`envoy-gateway-system -> ${edge}`] : []),
      ]),
    ...(has('PodMonitor') ? [...apps, 'nats:7777', ...databases.map((database) => `${database}:9187`)] : []).map(
      (edge) => `monitoring -> ${edge}`,
    ),
    ...(has('ScaledObject') ? ['keda -> nats:8222'] : []),
    ...ports('redis').flatMap((redis) => [`gateway -> ${redis}`, `auth -> ${redis}`]),
    ...(bundle.natsChart === undefined ? [] : ['nats -> nats:6222']),
    ...(has('Cluster') ? databases : []).flatMap((database) => [
      ...['5432', '8000'].flatMap((port) => [
        `${database} -> ${database}:${port}`,
        `cnpg-system -> ${database}:${port}`,
      ]),
      ...['443', '6443'].map((port) => `${database} -> anywhere:${port}`),
    ]),
  ]);
}

/** Where the NetworkPolicies and the context map differ, both ways. */
export function networkDifferences(bundle: Bundle, map: ContextMap): readonly string[] {
  const { open, halfOpen } = openEdges(bundle);
  const needed = neededEdges(bundle, map);
  return [
    ...halfOpen,
    ...[...open].filter((edge) => !needed.has(edge)).map((edge) => `${edge} is open, and the system does not need it`),
    ...[...needed].filter((edge) => !open.has(edge)).map((edge) => `${edge} is closed, and the system needs it`),
  ];
}
