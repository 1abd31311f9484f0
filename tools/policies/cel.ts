import { celEnv, isCelError, parse, plan, type CelFunc, type CelInput, type CelValue } from '@bufbuild/cel';

/** Evaluates a CEL expression as the cluster would; throws what the cluster would refuse the resource for. */
export type Evaluate = (expression: string, bindings: Readonly<Record<string, CelInput>>) => CelValue;

/** CEL with the functions of cel-spec and the given ones. */
export function cel(functions: readonly CelFunc[] = []): Evaluate {
  const environment = celEnv({ funcs: [...functions] });
  return (expression, bindings) => {
    const result = plan(environment, parse(expression))({ ...bindings });
    if (isCelError(result)) throw new Error(`${expression}\n${result.message}`, { cause: result });
    return result;
  };
}

/** A resource as CEL sees it: whole numbers are int, as in the API server, not double. Throws for what JSON has no words for. */
export function celInput(value: unknown): CelInput {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(celInput);
  if (typeof value !== 'object') throw new TypeError(`${typeof value} is no JSON`);
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, celInput(member)]));
}
