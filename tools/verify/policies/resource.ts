import { parseAllDocuments } from 'yaml';
import { z } from 'zod';

/** A Kubernetes resource, as far as everything here must know it. */
export const Resource = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
});
export type Resource = z.infer<typeof Resource>;

/** The documents of a YAML text; empty ones are left out, a duplicate key or another fault of the syntax throws. */
export function yamlDocuments(text: string): readonly unknown[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [fault] = document.errors;
    if (fault !== undefined) {
      throw fault;
    }
    const value: unknown = document.toJS();
    return value === null ? [] : [value];
  });
}
