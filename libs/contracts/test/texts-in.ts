import { z } from 'zod';

/** Every text in a schema: its path, as in `rpc.products.create/price/currency`, and what it may be. */
export function textsIn(schema: unknown, path: string): readonly (readonly [string, z.ZodString])[] {
  if (schema instanceof z.ZodString) {
    return [[path, schema]];
  }
  if (schema instanceof z.ZodObject) {
    return Object.entries(schema.shape).flatMap(([name, field]) => textsIn(field, `${path}/${name}`));
  }
  if (schema instanceof z.ZodUnion) {
    return schema.options.flatMap((option) => textsIn(option, path));
  }
  if (schema instanceof z.ZodArray) {
    return textsIn(schema.element, path);
  }
  if (schema instanceof z.ZodPipe) {
    return textsIn(schema.in, path);
  }
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) {
    return textsIn(schema.unwrap(), path);
  }
  return [];
}
