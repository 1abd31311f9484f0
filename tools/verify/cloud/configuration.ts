import { parse } from '@cdktn/hcl2json';
import { z } from 'zod';

/** A file of the configuration. */
export interface ConfigurationFile {
  readonly name: string;
  readonly text: string;
}

/** A block with its labels; `body` as HCL's JSON syntax has it: expressions are strings in `${}`, nested blocks are lists. */
export interface Block {
  readonly kind: 'resource' | 'data';
  readonly type: string;
  readonly name: string;
  readonly body: Body;
}

export type Body = z.infer<typeof Body>;
export const Body = z.record(z.string(), z.unknown());

const Named = z.record(z.string(), z.array(Body));
const Typed = z.record(z.string(), Named);
const FileContent = z.object({
  terraform: z.array(Body).default([]),
  provider: z.record(z.string(), z.array(Body)).default({}),
  resource: Typed.default({}),
  data: Typed.default({}),
  variable: Named.default({}),
  output: Named.default({}),
  locals: z.array(Body).default([]),
});

/** What the `.tf` files of one folder say together. */
export interface Configuration {
  readonly files: readonly ConfigurationFile[];
  /** Settings of `terraform` blocks. */
  readonly settings: readonly Body[];
  /** Name of the provider and its configuration. */
  readonly providers: readonly (readonly [string, Body])[];
  readonly blocks: readonly Block[];
  readonly variables: ReadonlyMap<string, Body>;
  readonly locals: ReadonlyMap<string, unknown>;
  /** Every expression, wherever it stands, without its `${}`. */
  readonly expressions: readonly string[];
}

/** Reads `.tf` files; throws what the HCL parser says of a file that is none. */
export async function readConfiguration(files: readonly ConfigurationFile[]): Promise<Configuration> {
  const contents = await Promise.all(files.map(async ({ name, text }) => FileContent.parse(await parse(name, text))));
  return {
    files,
    settings: contents.flatMap(({ terraform }) => terraform),
    providers: contents.flatMap(({ provider }) =>
      Object.entries(provider).flatMap(([name, bodies]) => bodies.map((body) => [name, body] as const)),
    ),
    blocks: contents.flatMap(({ resource, data }) => [...blocksOf('resource', resource), ...blocksOf('data', data)]),
    variables: new Map(contents.flatMap(({ variable }) => bodiesOf(variable))),
    locals: new Map(contents.flatMap(({ locals }) => locals.flatMap((body) => Object.entries(body)))),
    expressions: stringsIn(contents).flatMap(expressionsIn),
  };
}

/** The values that a `.tfvars` file gives. */
export async function readValues({ name, text }: ConfigurationFile): Promise<Body> {
  return Body.parse(await parse(name, text));
}

/** Nested blocks of this name, none when there are none. */
export const nested = (body: Body, name: string): readonly Body[] => z.array(Body).catch([]).parse(body[name]);

/** Every string in a value, of whatever shape. */
export function stringsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') {
    return [value];
  }
  if (Array.isArray(value)) {
    return value.flatMap(stringsIn);
  }
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsIn) : [];
}

const blocksOf = (kind: Block['kind'], types: z.infer<typeof Typed>): readonly Block[] =>
  Object.entries(types).flatMap(([type, names]) => bodiesOf(names).map(([name, body]) => ({ kind, type, name, body })));

const bodiesOf = (names: z.infer<typeof Named>): readonly (readonly [string, Body])[] =>
  Object.entries(names).flatMap(([name, bodies]) => bodies.map((body) => [name, body] as const));

/** What stands in `${…}`, with the braces that it contains itself; `$${` is text. */
function expressionsIn(text: string): readonly string[] {
  const found: string[] = [];
  for (let at = text.indexOf('${'); at !== -1; at = text.indexOf('${', at)) {
    if (text[at - 1] === '$') {
      at += 2;
      continue;
    }
    let depth = 1;
    let end = at + 2;
    for (; end < text.length && depth > 0; end += 1) {
      depth += { '{': 1, '}': -1 }[text.charAt(end)] ?? 0;
    }
    found.push(text.slice(at + 2, end - 1));
    at = end;
  }
  return found;
}
