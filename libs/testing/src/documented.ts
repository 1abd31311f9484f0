import { z } from 'zod';

const Schema = z.record(z.string(), z.unknown());

const Operation = z.object({
  operationId: z.string(),
  security: z.array(z.record(z.string(), z.array(z.string()))).optional(),
  requestBody: z.object({ content: z.record(z.string(), z.object({ schema: Schema })) }).optional(),
  parameters: z.array(z.object({ name: z.string(), in: z.string(), required: z.boolean().optional() })),
  responses: z.record(
    z.string(),
    z.object({
      description: z.string().min(1),
      content: z.record(z.string(), z.object({ schema: Schema })).optional(),
      headers: z.record(z.string(), z.object({ $ref: z.string() })).optional(),
    }),
  ),
});
type Operation = z.infer<typeof Operation>;

/** The parts of OpenAPI 3.1 that the document uses. */
export const OpenApi = z.object({
  openapi: z.literal('3.1.0'),
  paths: z.record(
    z.string().startsWith('/'),
    z.record(z.enum(['get', 'post', 'patch', 'delete']), Operation.optional()),
  ),
  components: z.object({
    schemas: z.record(z.string(), Schema),
    headers: Schema,
    securitySchemes: z.record(z.string(), Schema),
  }),
});
export type OpenApi = z.infer<typeof OpenApi>;

/** One method of one path. */
export interface DocumentedRoute {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
  /** Scopes that the caller needs; undefined if the route needs no token. */
  readonly scopes: readonly string[] | undefined;
}

/** Every route of the document. */
export function routesOf(document: OpenApi): readonly DocumentedRoute[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, operation]) =>
      operation === undefined
        ? []
        : [
            {
              id: operation.operationId,
              method: method.toUpperCase(),
              path,
              operation,
              scopes: operation.security?.flatMap((scheme) => Object.values(scheme)).at(0),
            },
          ],
    ),
  );
}

/**
 * Checks status, media type and body of a response against the documentation of the route.
 * @throws {Error} when the response is not documented
 */
export async function expectDocumented(document: OpenApi, route: DocumentedRoute, response: Response): Promise<void> {
  const documented = route.operation.responses[String(response.status)];
  if (documented === undefined) {
    throw new Error(`${route.id} answered ${response.status}, which is not documented`);
  }
  const type = response.headers.get('content-type')?.split(';', 1)[0];
  const text = response.headers.get('content-type')?.startsWith('text/event-stream') ? '' : await response.text();
  const media = type === undefined ? undefined : documented.content?.[type];
  if (documented.content === undefined) {
    expect(text).toBe('');
    return;
  }
  if (media === undefined) {
    throw new Error(`${route.id} answered ${response.status} as ${type}, which is not documented`);
  }
  if (type?.endsWith('json')) {
    expect(validatorOf(document, media.schema).safeParse(JSON.parse(text)).error).toBeUndefined();
  }
}

type JsonSchema = Exclude<Parameters<typeof z.fromJSONSchema>[0], boolean>;

function validatorOf(document: OpenApi, schema: Readonly<Record<string, unknown>>): z.ZodType {
  const text = JSON.stringify({ ...schema, $defs: document.components.schemas });
  return z.fromJSONSchema(
    z.custom<JsonSchema>().parse(JSON.parse(text.replaceAll('#/components/schemas/', '#/$defs/'))),
  );
}
