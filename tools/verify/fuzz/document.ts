import { z } from 'zod';

/** A JSON Schema as it stands in the document; read property by property. */
export const Schema = z.record(z.string(), z.unknown());
export type Schema = z.infer<typeof Schema>;

const Parameter = z.object({
  name: z.string(),
  in: z.enum(['path', 'query', 'header']),
  required: z.boolean().default(false),
  schema: Schema,
});
export type Parameter = z.infer<typeof Parameter>;

const Response = z.object({
  content: z.record(z.string(), z.object({ schema: Schema })).optional(),
  headers: z.record(z.string(), z.object({ $ref: z.string() })).optional(),
});

const Operation = z.object({
  operationId: z.string(),
  security: z.array(z.record(z.string(), z.array(z.string()))).optional(),
  parameters: z.array(Parameter),
  requestBody: z
    .object({ required: z.boolean().default(false), content: z.record(z.string(), z.object({ schema: Schema })) })
    .optional(),
  responses: z.record(z.string(), Response),
});

/** As much of an OpenAPI 3.1 document as the fuzz reads. */
export const FuzzedDocument = z.object({
  openapi: z.literal('3.1.0'),
  paths: z.record(z.string(), z.record(z.enum(['get', 'post', 'patch', 'put', 'delete']), Operation.optional())),
  components: z.object({
    schemas: z.record(z.string(), Schema),
    headers: z.record(z.string(), z.object({ required: z.boolean().default(false), schema: Schema })),
  }),
});
export type FuzzedDocument = z.infer<typeof FuzzedDocument>;

/** One method of one path, with everything that the document says of it. */
export interface Operation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  /** Scopes its caller needs; undefined when it needs no token. */
  readonly scopes: readonly string[] | undefined;
  readonly parameters: readonly Parameter[];
  /** Schema of the JSON body; undefined when it takes none. */
  readonly body: Schema | undefined;
  readonly bodyRequired: boolean;
  readonly responses: Readonly<Record<string, z.infer<typeof Response>>>;
}

/** Every operation of the document, in its order. */
export function operationsOf(document: FuzzedDocument): readonly Operation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, operation]) => {
      if (operation === undefined) {
        return [];
      }
      const { operationId, security, parameters, requestBody, responses } = operation;
      return [
        {
          id: operationId,
          method: method.toUpperCase(),
          path,
          scopes: security?.flatMap((scheme) => Object.values(scheme)).at(0),
          parameters,
          body: requestBody?.content['application/json']?.schema,
          bodyRequired: requestBody?.required ?? false,
          responses,
        },
      ];
    }),
  );
}

/** The schema itself, where it is a reference to a component. */
export function resolved(document: FuzzedDocument, schema: Schema): Schema {
  const { $ref } = schema;
  if (typeof $ref !== 'string') {
    return schema;
  }
  const target = document.components.schemas[$ref.replace('#/components/schemas/', '')];
  if (target === undefined) {
    throw new Error(`the document has no ${$ref}`);
  }
  return resolved(document, target);
}
