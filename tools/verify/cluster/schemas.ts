import { join } from 'node:path';
import ts from 'typescript';
import { z } from 'zod';
import { repository } from '@rookery/devkit/stack/repository';
import { entriesOf, idOf, type KubernetesObject } from './manifest';
import { operatorSchemas } from './operator-schemas';

interface Kinds {
  /** Where their models are, or each one's; none: our own schema stands in. */
  readonly models?: string | Readonly<Record<string, string>>;
  readonly kinds: readonly string[];
}

const ARGO_CD = '@kubernetes-models/argo-cd/argoproj.io/v1alpha1';
const ARGO_ROLLOUTS = '@kubernetes-models/argo-rollouts/argoproj.io/v1alpha1';

/** The kinds that we use, by apiVersion: whatever else appears is unknown, or has been removed from Kubernetes. */
const KINDS: Readonly<Record<string, Kinds>> = {
  v1: {
    models: 'kubernetes-models/v1',
    kinds: ['ConfigMap', 'Namespace', 'Secret', 'Service', 'ServiceAccount'],
  },
  'apps/v1': { models: 'kubernetes-models/apps/v1', kinds: ['Deployment', 'StatefulSet'] },
  'batch/v1': { models: 'kubernetes-models/batch/v1', kinds: ['CronJob', 'Job'] },
  'policy/v1': { models: 'kubernetes-models/policy/v1', kinds: ['PodDisruptionBudget'] },
  'autoscaling/v2': { models: 'kubernetes-models/autoscaling/v2', kinds: ['HorizontalPodAutoscaler'] },
  'networking.k8s.io/v1': {
    models: 'kubernetes-models/networking.k8s.io/v1',
    kinds: ['Ingress', 'NetworkPolicy'],
  },
  'scheduling.k8s.io/v1': { models: 'kubernetes-models/scheduling.k8s.io/v1', kinds: ['PriorityClass'] },
  'gateway.networking.k8s.io/v1': {
    models: '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1',
    kinds: ['Gateway', 'HTTPRoute'],
  },
  'cert-manager.io/v1': {
    models: '@kubernetes-models/cert-manager/cert-manager.io/v1',
    kinds: ['Certificate', 'ClusterIssuer', 'Issuer'],
  },
  'external-secrets.io/v1': {
    models: '@kubernetes-models/external-secrets/external-secrets.io/v1',
    kinds: ['ExternalSecret', 'SecretStore'],
  },
  'monitoring.coreos.com/v1': {
    models: '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1',
    kinds: ['PodMonitor', 'PrometheusRule'],
  },
  'keda.sh/v1alpha1': { models: '@kubernetes-models/keda/keda.sh/v1alpha1', kinds: ['ScaledObject'] },
  'bitnami.com/v1alpha1': {
    models: '@kubernetes-models/sealed-secrets/bitnami.com/v1alpha1',
    kinds: ['SealedSecret'],
  },
  'postgresql.cnpg.io/v1': {
    models: '@kubernetes-models/cloudnative-pg/postgresql.cnpg.io/v1',
    kinds: ['Cluster', 'ScheduledBackup'],
  },
  'barmancloud.cnpg.io/v1': { kinds: ['ObjectStore'] },
  'autoscaling.k8s.io/v1': {
    models: '@kubernetes-models/autoscaler/autoscaling.k8s.io/v1',
    kinds: ['VerticalPodAutoscaler'],
  },
  'argoproj.io/v1alpha1': {
    models: {
      AnalysisTemplate: ARGO_ROLLOUTS,
      Application: ARGO_CD,
      AppProject: ARGO_CD,
      Rollout: ARGO_ROLLOUTS,
    },
    kinds: ['AnalysisTemplate', 'Application', 'AppProject', 'Rollout'],
  },
  'policies.kyverno.io/v1': {
    models: '@kubernetes-models/kyverno/policies.kyverno.io/v1',
    kinds: ['ImageValidatingPolicy', 'ValidatingPolicy'],
  },
  'trust.cert-manager.io/v1alpha1': { kinds: ['Bundle'] },
};

/** Objects of kinds that are not on the list: removed ones (policy/v1beta1), misspelt ones. */
export function unknownKinds(objects: readonly KubernetesObject[]): readonly string[] {
  return objects
    .filter(({ apiVersion, kind }) => KINDS[apiVersion]?.kinds.includes(kind) !== true)
    .map((object) => `${idOf(object)}: ${object.apiVersion} ${object.kind} is not among the kinds we use`);
}

function modelsOf({ apiVersion, kind }: KubernetesObject): string | undefined {
  const models = KINDS[apiVersion]?.models;
  return typeof models === 'object' ? models[kind] : models;
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
  const models = modelsOf(object);
  if (models === undefined) {
    return [`there is no schema for ${object.apiVersion}`];
  }
  const module: unknown = await import(`${models}/${object.kind}`);
  const model = z.record(z.string(), z.unknown()).parse(module)[object.kind];
  if (!isModel(model)) {
    return [`there is no schema for ${object.apiVersion} ${object.kind}`];
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
  const typed = objects.filter((object) => modelsOf(object) !== undefined);
  const lines = typed.flatMap((object, index) => [
    `import type { I${object.kind} as T${index} } from '${modelsOf(object) ?? ''}/${object.kind}';`,
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
