import { z } from 'zod';

/** A schema, and the named schemas that it refers to as `#/components/schemas/<name>`. */
export interface ComponentSchema {
  readonly schema: Record<string, unknown>;
  readonly components: Record<string, Record<string, unknown>>;
}

/**
 * JSON Schema of a contract: its named parts (`.meta({ id })`) become shared components, so each is described once.
 * Always the input form: what a client may send, and for answers one that allows fields to be added later.
 */
export function toComponentSchema(schema: z.ZodType): ComponentSchema {
  const { $defs = {}, ...root } = z.toJSONSchema(schema, {
    io: 'input',
    override: ({ jsonSchema }) => {
      // `format` says it; the expression zod checks it with only makes the document hard to read.
      if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
      // The bound of any whole number in JavaScript, not a rule of ours.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
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

/** The same for Nest's Standard Schema hook, which hands over any library's schema. */
export function convertStandardSchema(schema: unknown): ComponentSchema | undefined {
  return schema instanceof z.ZodType ? toComponentSchema(schema) : undefined;
}

function withComponentRefs(node: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(node).map(([key, value]: [string, unknown]) => [key, rewritten(key, value)]),
  );
}

function rewritten(key: string, value: unknown): unknown {
  if (key === '$ref' && typeof value === 'string') return value.replace('#/$defs/', '#/components/schemas/');
  if (Array.isArray(value)) return value.map((item: unknown) => rewritten('', item));
  return typeof value === 'object' && value !== null ? withComponentRefs(value) : value;
}
