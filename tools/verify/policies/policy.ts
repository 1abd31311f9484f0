import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { celFunc, type CelFunc, type CelInput, CelScalar, type CelValue, isCelList } from '@bufbuild/cel';
import { z } from 'zod';
import { repository } from '@rookery/devkit/stack/repository';
import { cel, celInput } from './cel';
import { type Resource, yamlDocuments } from './resource';

/** Where the policies are. */
export const policiesFolder = 'k8s/components/policies';

const Rule = z.strictObject({
  apiGroups: z.array(z.string()).nonempty(),
  apiVersions: z.array(z.string()).nonempty(),
  operations: z.array(z.enum(['CREATE', 'UPDATE'])).nonempty(),
  resources: z.array(z.string()).nonempty(),
});

const spec = {
  // A policy that only warns protects nothing, and one that is skipped when it cannot be evaluated can be switched off.
  validationActions: z.tuple([z.literal('Deny')]),
  failurePolicy: z.literal('Fail'),
  matchConstraints: z.strictObject({
    namespaceSelector: z
      .strictObject({
        matchExpressions: z.tuple([
          z.strictObject({
            key: z.literal('kubernetes.io/metadata.name'),
            operator: z.literal('In'),
            values: z.array(z.string()).nonempty(),
          }),
        ]),
      })
      .optional(),
    resourceRules: z.array(Rule).nonempty(),
  }),
  variables: z.array(z.strictObject({ name: z.string(), expression: z.string() })).default([]),
  validations: z.array(z.strictObject({ expression: z.string(), message: z.string() })).nonempty(),
};

const metadata = z.strictObject({ name: z.string(), labels: z.record(z.string(), z.string()) });

/** The fields of Kyverno’s policies that are understood here; any other one is refused, so that none is silently not evaluated. */
export const Policy = z.discriminatedUnion('kind', [
  z.strictObject({
    apiVersion: z.literal('policies.kyverno.io/v1'),
    kind: z.literal('ValidatingPolicy'),
    metadata,
    spec: z.strictObject(spec),
  }),
  z.strictObject({
    apiVersion: z.literal('policies.kyverno.io/v1'),
    kind: z.literal('ImageValidatingPolicy'),
    metadata,
    spec: z.strictObject({
      ...spec,
      webhookConfiguration: z.strictObject({ timeoutSeconds: z.int().max(30) }),
      matchImageReferences: z.array(z.strictObject({ glob: z.string().endsWith('/*') })).nonempty(),
      validationConfigurations: z.strictObject({
        mutateDigest: z.boolean(),
        verifyDigest: z.literal(true),
        required: z.literal(true),
      }),
      attestors: z
        .array(
          z.strictObject({
            name: z.string(),
            cosign: z.strictObject({
              keyless: z.strictObject({
                identities: z.tuple([z.strictObject({ issuer: z.url(), subject: z.url() })]),
              }),
              ctlog: z.strictObject({ url: z.url() }),
            }),
          }),
        )
        .nonempty(),
      attestations: z.array(z.strictObject({ name: z.string(), intoto: z.strictObject({ type: z.url() }) })).nonempty(),
    }),
  }),
]);
export type Policy = z.infer<typeof Policy>;

/** What stands in for registry and transparency log: by image, `signature` and the types of the attestations that it has. */
export type Signed = ReadonlyMap<string, ReadonlySet<string>>;

/** Every policy of the component, in the order of the file names. */
export function policies(): readonly Policy[] {
  const folder = join(repository, policiesFolder);
  return readdirSync(folder)
    .filter((file) => file.endsWith('.yaml') && file !== 'kustomization.yaml')
    .toSorted()
    .flatMap((file) => yamlDocuments(readFileSync(join(folder, file), 'utf8')))
    .map((document) => Policy.parse(document));
}

/** Whether the policy has a say: the kind of the resource, and the namespace it is in. */
export function concerns({ spec: { matchConstraints } }: Policy, resource: Resource): boolean {
  const [group, version] = resource.apiVersion.includes('/')
    ? resource.apiVersion.split('/')
    : ['', resource.apiVersion];
  const plural = `${resource.kind.toLowerCase()}s`;
  const namespaces = matchConstraints.namespaceSelector?.matchExpressions[0].values;
  return (
    (namespaces === undefined || namespaces.includes(resource.metadata.namespace ?? '')) &&
    matchConstraints.resourceRules.some(
      ({ apiGroups, apiVersions, resources }) =>
        apiGroups.includes(group ?? '') && apiVersions.includes(version ?? '') && resources.includes(plural),
    )
  );
}

/**
 * The messages of the validations that refuse a resource; none: it is admitted. An expression that cannot be evaluated throws,
 * for `failurePolicy: Fail` refuses then too, but not for what the policy is about.
 */
export function judge(policy: Policy, signed: Signed = new Map()): (resource: Resource) => readonly string[] {
  const evaluate = cel(policy.kind === 'ImageValidatingPolicy' ? verification(signed) : []);
  return (resource) => {
    const given: Record<string, CelInput> = { object: celInput(resource), ...supplyChain(policy, resource) };
    const variables: Record<string, CelValue> = {};
    for (const { name, expression } of policy.spec.variables) {
      variables[name] = evaluate(expression, { ...given, variables });
    }
    return policy.spec.validations.flatMap(({ expression, message }) => {
      const admitted = evaluate(expression, { ...given, variables });
      if (typeof admitted !== 'boolean') {
        throw new Error(`${policy.metadata.name}: ${expression} is neither true nor false`);
      }
      return admitted ? [] : [message];
    });
  };
}

/** What Kyverno adds for images: those of the pod that the policy is about, and the names it declares. */
function supplyChain(policy: Policy, resource: Resource): Readonly<Record<string, CelInput>> {
  if (policy.kind !== 'ImageValidatingPolicy') {
    return {};
  }
  const { matchImageReferences, attestors, attestations } = policy.spec;
  const ours = matchImageReferences.map(({ glob }) => glob.slice(0, -1));
  const container = z.array(z.looseObject({ image: z.string() })).default([]);
  const { spec: pod } = z
    .looseObject({
      spec: z.looseObject({ containers: container, initContainers: container, ephemeralContainers: container }),
    })
    .parse(resource);
  const imagesOf = (containers: z.infer<typeof container>): string[] =>
    containers.map(({ image }) => image).filter((image) => ours.some((prefix) => image.startsWith(prefix)));
  return {
    images: {
      containers: imagesOf(pod.containers),
      initContainers: imagesOf(pod.initContainers),
      ephemeralContainers: imagesOf(pod.ephemeralContainers),
    },
    attestors: Object.fromEntries(attestors.map(({ name }) => [name, name])),
    attestations: Object.fromEntries(attestations.map(({ name, intoto }) => [name, intoto.type])),
  };
}

/** Kyverno’s two functions over what is said to be signed: how many of the attestors have signed the image, or the attestation. */
function verification(signed: Signed): readonly CelFunc[] {
  const { DYN, INT, STRING } = CelScalar;
  const count = (image: string, what: string, attestors: CelValue): bigint =>
    signed.get(image)?.has(what) === true && isCelList(attestors) ? BigInt(attestors.size) : 0n;
  return [
    celFunc('verifyImageSignatures', [STRING, DYN], INT, (image, attestors) => count(image, 'signature', attestors)),
    celFunc('verifyAttestationSignatures', [STRING, STRING, DYN], INT, count),
  ];
}
