import { join } from 'node:path';
import ts from 'typescript';
import { z } from 'zod';
import { repository } from '@rookery/devkit/stack/repository';
import { entriesOf, idOf, type KubernetesObject } from './manifest';
import { operatorSchemas } from './operator-schemas';

/** Packages with the models of the kinds; the path of a model below its package is `<apiVersion>/<kind>`. */
const OF_KUBERNETES = 'kubernetes-models';
const ARGO_CD = '@kubernetes-models/argo-cd';
const ARGO_ROLLOUTS = '@kubernetes-models/argo-rollouts';
/** No package: our own schema stands in. */
const OURS = undefined;

/** The kinds that we use: any other one is unknown, or has been removed from Kubernetes. */
const KINDS: readonly (readonly [apiVersion: string, models: string | undefined, ...kinds: string[]])[] = [
  ['v1', OF_KUBERNETES, 'ConfigMap', 'Namespace', 'Secret', 'Service', 'ServiceAccount'],
  ['apps/v1', OF_KUBERNETES, 'Deployment', 'StatefulSet'],
  ['batch/v1', OF_KUBERNETES, 'CronJob', 'Job'],
  ['policy/v1', OF_KUBERNETES, 'PodDisruptionBudget'],
  ['autoscaling/v2', OF_KUBERNETES, 'HorizontalPodAutoscaler'],
  ['networking.k8s.io/v1', OF_KUBERNETES, 'Ingress', 'NetworkPolicy'],
  ['scheduling.k8s.io/v1', OF_KUBERNETES, 'PriorityClass'],
  ['gateway.networking.k8s.io/v1', '@kubernetes-models/gateway-api', 'Gateway', 'HTTPRoute'],
  ['cert-manager.io/v1', '@kubernetes-models/cert-manager', 'Certificate', 'ClusterIssuer', 'Issuer'],
  ['external-secrets.io/v1', '@kubernetes-models/external-secrets', 'ExternalSecret', 'SecretStore'],
  ['monitoring.coreos.com/v1', '@kubernetes-models/prometheus-operator', 'PodMonitor', 'PrometheusRule'],
  ['keda.sh/v1alpha1', '@kubernetes-models/keda', 'ScaledObject'],
  ['bitnami.com/v1alpha1', '@kubernetes-models/sealed-secrets', 'SealedSecret'],
  ['postgresql.cnpg.io/v1', '@kubernetes-models/cloudnative-pg', 'Cluster', 'ScheduledBackup'],
  ['barmancloud.cnpg.io/v1', OURS, 'ObjectStore'],
  ['autoscaling.k8s.io/v1', '@kubernetes-models/autoscaler', 'VerticalPodAutoscaler'],
  ['argoproj.io/v1alpha1', ARGO_CD, 'Application', 'AppProject'],
  ['argoproj.io/v1alpha1', ARGO_ROLLOUTS, 'AnalysisTemplate', 'Rollout'],
  ['policies.kyverno.io/v1', '@kubernetes-models/kyverno', 'ImageValidatingPolicy', 'ValidatingPolicy'],
  ['trust.cert-manager.io/v1alpha1', OURS, 'Bundle'],
];

const modelOf: ReadonlyMap<string, string | undefined> = new Map(
  KINDS.flatMap(([apiVersion, models, ...kinds]) =>
    kinds.map((kind) => [`${apiVersion} ${kind}`, models && `${models}/${apiVersion}/${kind}`] as const),
  ),
);
const keyOf = ({ apiVersion, kind }: KubernetesObject): string => `${apiVersion} ${kind}`;

/** Objects of kinds that are not on the list: removed ones (policy/v1beta1), misspelt ones. */
export function unknownKinds(objects: readonly KubernetesObject[]): readonly string[] {
  return objects
    .filter((object) => !modelOf.has(keyOf(object)))
    .map((object) => `${idOf(object)}: ${keyOf(object)} is not among the kinds we use`);
}

interface Model {
  validate(): void;
}
const isModel = (value: unknown): value is new (data: unknown) => Model => typeof value === 'function';

/** Values that the published schemas refuse: wrong types, unknown words of an enumeration, missing fields. */
export async function schemaFaults(objects: readonly KubernetesObject[]): Promise<readonly string[]> {
  const faults = await Promise.all(
    objects.map(async (object) => (await faultsOf(object)).map((fault) => `${idOf(object)}: ${fault}`)),
  );
  return faults.flat();
}

async function faultsOf(object: KubernetesObject): Promise<readonly string[]> {
  const own = operatorSchemas[object.kind];
  if (own !== undefined) {
    return issuesOf(own, object);
  }
  const path = modelOf.get(keyOf(object));
  const module: unknown = path === undefined ? {} : await import(path);
  const model = z.record(z.string(), z.unknown()).parse(module)[object.kind];
  if (!isModel(model)) {
    return [`there is no schema for ${keyOf(object)}`];
  }
  try {
    new model(unfolded(object)).validate();
    return [];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

/** kustomize breaks long values of Secrets into lines. The API server's decoder does not mind, the schema does. */
function unfolded(object: KubernetesObject): KubernetesObject {
  if (object.kind !== 'Secret') {
    return object;
  }
  const data = entriesOf(object['data']).map(([key, value]) => [key, String(value).replaceAll('\n', '')] as const);
  return { ...object, data: Object.fromEntries(data) };
}

function issuesOf(schema: z.ZodType, object: KubernetesObject): readonly string[] {
  const result = schema.safeParse(object);
  return result.success ? [] : result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

/**
 * Fields that the kinds do not have. Kubernetes would drop them silently, and the schemas above let them pass; the compiler does not:
 * each object becomes a literal of its kind's type.
 */
export function unknownFields(objects: readonly KubernetesObject[]): readonly string[] {
  const typed = objects.filter((object) => modelOf.get(keyOf(object)) !== undefined);
  const lines = typed.flatMap((object, index) => [
    `import type { I${object.kind} as T${index} } from '${modelOf.get(keyOf(object)) ?? ''}';`,
    `export const o${index}: T${index} = ${JSON.stringify(object)};`,
  ]);
  const file = join(repository, 'tools/verify/cluster/manifests.virtual.ts');
  const options: ts.CompilerOptions = {
    noEmit: true,
    strict: true,
    skipLibCheck: true,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2022.d.ts'],
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile.bind(host);
  host.getSourceFile = (name, ...rest) =>
    name === file ? ts.createSourceFile(file, lines.join('\n'), ts.ScriptTarget.ES2022) : read(name, ...rest);
  const program = ts.createProgram([file], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ start = 0, messageText, file: at }) => {
    const line = at?.getLineAndCharacterOfPosition(start).line ?? 0;
    const object = typed[Math.floor(line / 2)];
    const message = ts.flattenDiagnosticMessageText(messageText, ' ');
    return `${object === undefined ? '?' : idOf(object)}: ${message.replaceAll(/\s+/gu, ' ').slice(-300)}`;
  });
}
