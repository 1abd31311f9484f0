import { celEnv, type CelFunc, type CelInput, type CelValue, isCelError, parse, plan } from '@bufbuild/cel';

/** Evaluates a CEL expression as the cluster would; throws what the cluster would refuse the resource for. */
export type Evaluate = (expression: string, bindings: Readonly<Record<string, CelInput>>) => CelValue;

/** CEL with the functions of cel-spec and the given ones. It keeps what it has compiled. */
export function cel(functions: readonly CelFunc[] = []): Evaluate {
  const environment = celEnv({ funcs: [...functions] });
  const compiled = new Map<string, ReturnType<typeof plan>>();
  return (expression, bindings) => {
    const program = compiled.get(expression) ?? plan(environment, parse(expression));
    compiled.set(expression, program);
    const result = program({ ...bindings });
    if (isCelError(result)) {
      throw new Error(`${expression}\n${result.message}`, { cause: result });
    }
    return result;
  };
}

/** A resource as CEL sees it: whole numbers are int, as in the API server, not double. @throws {TypeError} for what JSON cannot express */
export function celInput(value: unknown): CelInput {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') {
    return value;
  }
  if (typeof value === 'number') {
    return Number.isInteger(value) ? BigInt(value) : value;
  }
  if (Array.isArray(value)) {
    return value.map(celInput);
  }
  if (typeof value !== 'object') {
    throw new TypeError(`${typeof value} is not JSON`);
  }
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, celInput(member)]));
}
