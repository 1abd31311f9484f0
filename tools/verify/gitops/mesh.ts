import { z } from 'zod';
import { type Bundle, type KubernetesObject, podsOf, portOf, selects } from '../cluster/manifest';

// The shapes are those of the definitions that the chart linkerd-crds installs; there is no schema package for them.
const metadata = z.looseObject({ name: z.string() });

const Server = z.strictObject({
  apiVersion: z.literal('policy.linkerd.io/v1beta3'),
  kind: z.literal('Server'),
  metadata,
  spec: z.strictObject({
    podSelector: z.strictObject({
      matchLabels: z.record(z.string(), z.string()).optional(),
      matchExpressions: z
        .array(
          z.strictObject({
            key: z.string(),
            operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
            values: z.array(z.string()).optional(),
          }),
        )
        .optional(),
    }),
    port: z.union([z.string(), z.int()]),
    proxyProtocol: z.enum(['unknown', 'HTTP/1', 'HTTP/2', 'gRPC', 'opaque', 'TLS']),
    accessPolicy: z.literal('deny'),
  }),
});

const Authentication = z.strictObject({
  apiVersion: z.literal('policy.linkerd.io/v1alpha1'),
  kind: z.literal('MeshTLSAuthentication'),
  metadata,
  spec: z.strictObject({
    identityRefs: z
      .array(
        z.discriminatedUnion('kind', [
          z.strictObject({ kind: z.literal('ServiceAccount'), name: z.string(), namespace: z.string().optional() }),
          z.strictObject({ kind: z.literal('Namespace'), name: z.string() }),
        ]),
      )
      .nonempty(),
  }),
});

const Authorization = z.strictObject({
  apiVersion: z.literal('policy.linkerd.io/v1alpha1'),
  kind: z.literal('AuthorizationPolicy'),
  metadata,
  spec: z.strictObject({
    targetRef: z.strictObject({
      group: z.literal('policy.linkerd.io'),
      kind: z.literal('Server'),
      name: z.string(),
    }),
    // All of them must hold; two would be an intersection, which nothing here means.
    requiredAuthenticationRefs: z.tuple([
      z.strictObject({
        group: z.literal('policy.linkerd.io'),
        kind: z.literal('MeshTLSAuthentication'),
        name: z.string(),
      }),
    ]),
  }),
});

/**
 * Who may call whom by the mesh’s policies, `orders -> nats:4222`; from another namespace by its name, as network policies tell it.
 * Throws for what Linkerd would not take, or would silently ignore: an unknown field, an unused authorization, a server of
 * no pod, two servers for one port.
 */
export function meshEdges(bundle: Bundle): ReadonlySet<string> {
  const of = <Schema extends z.ZodType>(schema: Schema, kind: string): readonly z.output<Schema>[] =>
    bundle.objects
      .filter((object) => object.kind === kind && object.apiVersion.startsWith('policy.linkerd.io/'))
      .map((object: KubernetesObject) => schema.parse(object));
  const servers = of(Server, 'Server');
  const authentications = of(Authentication, 'MeshTLSAuthentication');
  const authorizations = of(Authorization, 'AuthorizationPolicy');

  const guarded = new Set<string>();
  const reached = new Map(
    servers.map(({ metadata: { name }, spec }) => {
      const ports = podsOf(bundle)
        .filter(({ labels }) => selects(spec.podSelector, labels))
        .flatMap((pod) => {
          const port = portOf(pod, spec.port);
          return port === undefined ? [] : [`${pod.labels['app.kubernetes.io/name'] ?? pod.owner}:${port}`];
        });
      if (ports.length === 0) {
        throw new Error(`Server ${name} is of no pod’s port`);
      }
      for (const port of ports) {
        if (guarded.has(port)) {
          throw new Error(`two servers are of ${port}`);
        }
        guarded.add(port);
      }
      return [name, ports];
    }),
  );
  return new Set(
    authorizations.flatMap(({ metadata: { name }, spec: { targetRef, requiredAuthenticationRefs } }) => {
      const ports = reached.get(targetRef.name);
      const [{ name: wanted }] = requiredAuthenticationRefs;
      const clients = authentications.find((one) => one.metadata.name === wanted);
      if (ports === undefined || clients === undefined) {
        throw new Error(`AuthorizationPolicy ${name} is unused`);
      }
      return clients.spec.identityRefs.flatMap((ref) => {
        const client = ref.kind === 'ServiceAccount' ? (ref.namespace ?? ref.name) : ref.name;
        return ports.map((port) => `${client} -> ${port}`);
      });
    }),
  );
}
