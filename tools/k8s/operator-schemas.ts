import { z } from 'zod';

// Kinds whose operators publish no model for our tools. Only the fields that we use, and no others: what is missing here is refused
// until somebody has looked it up. Sources: the API references of CloudNativePG 1.28, its Barman Cloud plugin 0.11 and the
// Vertical Pod Autoscaler 1.5.

const metadata = z.looseObject({ name: z.string() });
const labels = z.record(z.string(), z.string());
const reference = z.strictObject({ name: z.string() });
const quantity = z.string().regex(/^\d+(?:m|[KMG]i)?$/u);
const resources = z.strictObject({ cpu: quantity, memory: quantity });
const BARMAN = 'barman-cloud.cloudnative-pg.io';

const Cluster = z.strictObject({
  apiVersion: z.literal('postgresql.cnpg.io/v1'),
  kind: z.literal('Cluster'),
  metadata,
  spec: z.strictObject({
    imageName: z.string(),
    instances: z.int().min(1),
    bootstrap: z.union([
      z.strictObject({ initdb: z.strictObject({ database: z.string(), owner: z.string(), secret: reference }) }),
      z.strictObject({
        recovery: z.strictObject({
          source: z.string(),
          database: z.string(),
          owner: z.string(),
          secret: reference,
          recoveryTarget: z.strictObject({ targetTime: z.string() }),
        }),
      }),
    ]),
    externalClusters: z
      .array(
        z.strictObject({
          name: z.string(),
          plugin: z.strictObject({
            name: z.literal(BARMAN),
            parameters: z.strictObject({ barmanObjectName: z.string(), serverName: z.string() }),
          }),
        }),
      )
      .optional(),
    postgresql: z.strictObject({
      parameters: z.record(z.string(), z.string()),
      synchronous: z.strictObject({ method: z.enum(['any', 'first']), number: z.int().min(1) }),
    }),
    primaryUpdateStrategy: z.enum(['unsupervised', 'supervised']),
    affinity: z.strictObject({ topologyKey: z.string(), podAntiAffinityType: z.enum(['preferred', 'required']) }),
    priorityClassName: z.string(),
    inheritedMetadata: z.strictObject({ labels }),
    certificates: z.strictObject({ serverTLSSecret: z.string(), serverCASecret: z.string() }).optional(),
    plugins: z
      .array(
        z.strictObject({
          name: z.literal(BARMAN),
          isWALArchiver: z.boolean(),
          parameters: z.strictObject({ barmanObjectName: z.string() }),
        }),
      )
      .optional(),
    storage: z.strictObject({ size: quantity }),
    walStorage: z.strictObject({ size: quantity }),
    resources: z.strictObject({ requests: resources, limits: resources }),
  }),
});

const ScheduledBackup = z.strictObject({
  apiVersion: z.literal('postgresql.cnpg.io/v1'),
  kind: z.literal('ScheduledBackup'),
  metadata,
  spec: z.strictObject({
    // With seconds: six fields, unlike a CronJob.
    schedule: z.string().regex(/^(?:\S+ ){5}\S+$/u),
    immediate: z.boolean(),
    backupOwnerReference: z.enum(['none', 'self', 'cluster']),
    cluster: reference,
    method: z.literal('plugin'),
    pluginConfiguration: z.strictObject({ name: z.literal(BARMAN) }),
  }),
});

const compression = z.enum(['gzip', 'bzip2', 'lz4', 'snappy', 'xz', 'zstd']);
const ObjectStore = z.strictObject({
  apiVersion: z.literal('barmancloud.cnpg.io/v1'),
  kind: z.literal('ObjectStore'),
  metadata,
  spec: z.strictObject({
    retentionPolicy: z.string().regex(/^[1-9]\d*[dwm]$/u),
    configuration: z.strictObject({
      destinationPath: z.string().regex(/^s3:\/\//u),
      s3Credentials: z.strictObject({ inheritFromIAMRole: z.literal(true) }),
      wal: z.strictObject({ compression, maxParallel: z.int().min(1) }),
      data: z.strictObject({ compression: z.enum(['gzip', 'bzip2', 'snappy']) }),
    }),
  }),
});

const VerticalPodAutoscaler = z.strictObject({
  apiVersion: z.literal('autoscaling.k8s.io/v1'),
  kind: z.literal('VerticalPodAutoscaler'),
  metadata,
  spec: z.strictObject({
    targetRef: z.strictObject({ apiVersion: z.string(), kind: z.string(), name: z.string() }),
    updatePolicy: z.strictObject({ updateMode: z.enum(['Off', 'Initial', 'Recreate', 'InPlaceOrRecreate']) }),
    resourcePolicy: z.strictObject({
      containerPolicies: z.array(
        z.strictObject({ containerName: z.string(), controlledResources: z.array(z.enum(['cpu', 'memory'])) }),
      ),
    }),
  }),
});

/** By kind. */
export const operatorSchemas: Readonly<Record<string, z.ZodType>> = {
  Cluster,
  ScheduledBackup,
  ObjectStore,
  VerticalPodAutoscaler,
};
