import { z } from 'zod';

// Kinds whose operators publish no model for our tools. Only the fields that we use, and no others: what is missing here is refused
// until somebody has looked it up. Sources: the API references of CloudNativePG's Barman Cloud plugin 0.11 and
// trust-manager 0.24.

const metadata = z.looseObject({ name: z.string() });
const labels = z.record(z.string(), z.string());
const quantity = z.string().regex(/^\d+(?:m|[KMG]i)?$/u);
const resources = z.strictObject({ cpu: quantity, memory: quantity });

const compression = z.enum(['gzip', 'bzip2', 'lz4', 'snappy', 'xz', 'zstd']);
const ObjectStore = z.strictObject({
  apiVersion: z.literal('barmancloud.cnpg.io/v1'),
  kind: z.literal('ObjectStore'),
  metadata,
  spec: z.strictObject({
    retentionPolicy: z.string().regex(/^[1-9]\d*[dwm]$/u),
    instanceSidecarConfiguration: z.strictObject({
      resources: z.strictObject({ requests: resources, limits: resources }),
    }),
    configuration: z.strictObject({
      destinationPath: z.string().regex(/^s3:\/\//u),
      s3Credentials: z.strictObject({ inheritFromIAMRole: z.literal(true) }),
      wal: z.strictObject({ compression, maxParallel: z.int().min(1) }),
      data: z.strictObject({ compression: z.enum(['gzip', 'bzip2', 'snappy']) }),
    }),
  }),
});

const Bundle = z.strictObject({
  apiVersion: z.literal('trust.cert-manager.io/v1alpha1'),
  kind: z.literal('Bundle'),
  metadata,
  spec: z.strictObject({
    sources: z.array(z.strictObject({ secret: z.strictObject({ name: z.string(), key: z.string() }) })).nonempty(),
    target: z.strictObject({
      configMap: z.strictObject({ key: z.string() }),
      namespaceSelector: z.strictObject({ matchLabels: labels }),
    }),
  }),
});

/** By kind. */
export const operatorSchemas: Readonly<Record<string, z.ZodType>> = {
  ObjectStore,
  Bundle,
};
