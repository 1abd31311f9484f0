import { z } from 'zod';
import { Resource } from './resource';

const Template = z.looseObject({
  metadata: z.looseObject({ labels: z.record(z.string(), z.string()) }),
  spec: z.unknown(),
});

const Workload = z.looseObject({
  spec: z.looseObject({
    template: Template.optional(),
    jobTemplate: z.looseObject({ spec: z.looseObject({ template: Template }) }).optional(),
    volumeClaimTemplates: z.array(z.looseObject({ metadata: z.looseObject({ name: z.string() }) })).default([]),
  }),
});

const workloads = ['Deployment', 'StatefulSet', 'Job', 'CronJob'];

/** What the API server is asked to admit for a manifest: itself, and for a workload the pods and volumes that are made for it. */
export function admittedFor(manifest: unknown): readonly Resource[] {
  const resource = Resource.parse(manifest);
  if (!workloads.includes(resource.kind)) {
    return [resource];
  }
  const { name, namespace } = resource.metadata;
  const { spec } = Workload.parse(resource);
  const template = spec.template ?? spec.jobTemplate?.spec.template;
  const made = (
    kind: string,
    { metadata, ...rest }: { readonly metadata: Readonly<Record<string, unknown>> },
  ): Resource =>
    Resource.parse({
      apiVersion: 'v1',
      kind,
      ...rest,
      metadata: { ...metadata, name: `${name}-of-${resource.kind.toLowerCase()}`, namespace },
    });
  return [
    resource,
    ...(template === undefined ? [] : [made('Pod', template)]),
    ...spec.volumeClaimTemplates.map((claim) => made('PersistentVolumeClaim', claim)),
  ];
}
