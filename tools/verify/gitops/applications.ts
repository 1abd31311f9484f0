import { z } from 'zod';
import { idOf, type KubernetesObject } from '../cluster/manifest';

const Source = z.looseObject({
  repoURL: z.string(),
  targetRevision: z.string(),
  path: z.string().optional(),
  chart: z.string().optional(),
  ref: z.string().optional(),
  helm: z.looseObject({ valueFiles: z.array(z.string()).default([]) }).optional(),
});

const Destination = z.looseObject({ server: z.string(), namespace: z.string() });

const Application = z.looseObject({
  kind: z.literal('Application'),
  metadata: z.looseObject({
    name: z.string(),
    labels: z.record(z.string(), z.string()).default({}),
    annotations: z.record(z.string(), z.string()).default({}),
  }),
  spec: z
    .looseObject({
      project: z.string(),
      source: Source.optional(),
      sources: z.array(Source).optional(),
      destination: Destination,
      syncPolicy: z.looseObject({
        automated: z.looseObject({ prune: z.boolean(), selfHeal: z.boolean() }).optional(),
        syncOptions: z.array(z.string()).default([]),
      }),
    })
    .transform(({ source, sources, ...rest }) => ({
      ...rest,
      sources: sources ?? (source === undefined ? [] : [source]),
    })),
});
export type Application = z.infer<typeof Application>;

const Allowed = z.looseObject({ group: z.string(), kind: z.string(), name: z.string().optional() });

const Project = z.looseObject({
  kind: z.literal('AppProject'),
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({
    sourceRepos: z.array(z.string()),
    destinations: z.array(Destination),
    clusterResourceWhitelist: z.array(Allowed),
    namespaceResourceWhitelist: z.array(Allowed).optional(),
  }),
});
export type Project = z.infer<typeof Project>;

/** What Argo CD is given. */
export interface Delivery {
  readonly projects: readonly Project[];
  readonly applications: readonly Application[];
}

/** Its applications and projects; anything else among the objects throws. */
export function deliveryOf(objects: readonly KubernetesObject[]): Delivery {
  return {
    projects: objects.filter(({ kind }) => kind === 'AppProject').map((object) => Project.parse(object)),
    applications: objects.filter(({ kind }) => kind !== 'AppProject').map((object) => Application.parse(object)),
  };
}

const groupOf = ({ apiVersion }: KubernetesObject): string => apiVersion.split('/').slice(0, -1).join('');
const takes = (pattern: string | undefined, name: string): boolean =>
  pattern === undefined || (pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name);

/** Sync waves count; without one it is 0. */
export const waveOf = ({ metadata }: Application): number =>
  Number(metadata.annotations['argocd.argoproj.io/sync-wave'] ?? 0);

/** What Argo CD would refuse of an application, whose own manifests are given: its source, its destination, a kind. */
export function forbidden(
  application: Application,
  { projects }: Delivery,
  rendered: readonly KubernetesObject[],
): readonly string[] {
  const { name } = application.metadata;
  const { project: wanted, sources, destination } = application.spec;
  const project = projects.find(({ metadata }) => metadata.name === wanted);
  if (project === undefined) {
    return [`${name}: there is no project ${wanted}`];
  }
  const { sourceRepos, destinations, clusterResourceWhitelist, namespaceResourceWhitelist } = project.spec;
  const mayGoTo = (namespace: string): boolean =>
    destinations.some((one) => one.server === destination.server && one.namespace === namespace);
  return [
    ...sources
      .filter(({ repoURL }) => !sourceRepos.includes(repoURL))
      .map(({ repoURL }) => `${name}: ${wanted} takes nothing from ${repoURL}`),
    ...(mayGoTo(destination.namespace) ? [] : [`${name}: ${wanted} puts nothing into ${destination.namespace}`]),
    ...rendered.flatMap((object) => {
      const { namespace } = object.metadata;
      const allowed = namespace === undefined ? clusterResourceWhitelist : namespaceResourceWhitelist;
      const isAllowed =
        allowed === undefined ||
        allowed.some(
          (one) => one.group === groupOf(object) && one.kind === object.kind && takes(one.name, object.metadata.name),
        );
      return [
        ...(isAllowed ? [] : [`${name}: ${wanted} may have no ${idOf(object)}`]),
        ...(namespace === undefined || mayGoTo(namespace) ? [] : [`${name}: ${wanted} puts nothing into ${namespace}`]),
      ];
    }),
  ];
}

/** Kinds that a project allows and nothing of it has: more than it needs. */
export function unneeded({ spec }: Project, rendered: readonly KubernetesObject[]): readonly string[] {
  return [...spec.clusterResourceWhitelist, ...(spec.namespaceResourceWhitelist ?? [])]
    .filter(({ group, kind }) => !rendered.some((object) => object.kind === kind && groupOf(object) === group))
    .map(({ group, kind }) => `${group}/${kind}`);
}

/** Charts whose version is left to chance, and sources of this repository that are not the main branch. */
export function loose({ applications }: Delivery): readonly string[] {
  return applications.flatMap(({ metadata: { name }, spec }) =>
    spec.sources
      .filter(({ chart, targetRevision }) =>
        chart === undefined ? targetRevision !== 'main' : !/^v?\d+\.\d+\.\d+$/.test(targetRevision),
      )
      .map(({ targetRevision }) => `${name}: ${targetRevision}`),
  );
}
