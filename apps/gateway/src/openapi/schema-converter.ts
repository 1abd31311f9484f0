import { z } from 'zod';

/** A schema, and the named schemas that it references as `#/components/schemas/<name>`. */
export interface ComponentSchema {
  readonly schema: Record<string, unknown>;
  readonly components: Record<string, Record<string, unknown>>;
}

/**
 * JSON Schema of a contract. Its named parts (`.meta({ id })`) become shared components, so each is described once. Always the input
 * form: what a client may send; for responses, it allows fields to be added later.
 */
export function toComponentSchema(schema: z.ZodType): ComponentSchema {
  const { $defs = {}, ...root } = z.toJSONSchema(schema, {
    io: 'input',
    override: ({ jsonSchema }) => {
      // `format` says the same; zod's expression would only make the document hard to read.
      if (jsonSchema.format !== undefined) {
        delete jsonSchema.pattern;
      }
      // The bound of every integer in JavaScript, not a rule of the API.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) {
        delete jsonSchema.maximum;
      }
    },
  });
  delete root.$schema;
  return {
    schema: withComponentRefs(root),
    components: Object.fromEntries(
      Object.entries($defs).map(([name, definition]) => [name, withComponentRefs(definition)]),
    ),
  };
}

/** The same for Nest's Standard Schema hook, which passes schemas of any library. */
export function convertStandardSchema(schema: unknown): ComponentSchema | undefined {
  return schema instanceof z.ZodType ? toComponentSchema(schema) : undefined;
}

function withComponentRefs(node: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(node).map(([key, value]: [string, unknown]) => [key, rewritten(key, value)]),
  );
}

function rewritten(key: string, value: unknown): unknown {
  if (key === '$ref' && typeof value === 'string') {
    return value.replace('#/$defs/', '#/components/schemas/');
  }
  if (Array.isArray(value)) {
    return value.map((item: unknown) => rewritten('', item));
  }
  return typeof value === 'object' && value !== null ? withComponentRefs(value) : value;
}
