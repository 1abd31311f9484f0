import addFormats from 'ajv-formats';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020';
import { z } from 'zod';
import { PROBLEM_MEDIA_TYPE, problemType } from '@rookery/contracts';
import { type FuzzedDocument, type Operation, type Parameter, resolved, Schema } from './document';
import type { FuzzCase, WireRequest } from './fuzz-case';
import type { WireAnswer } from './send';

/** What can be wrong with an answer. Each kind is shown to be found in `fuzz.spec.ts`. */
export const violationKinds = [
  'no answer',
  'server error',
  'undocumented status',
  'media type',
  'schema',
  'problem',
  'header',
  'leak',
  'access',
  'accepted',
  'state',
] as const;
export type ViolationKind = (typeof violationKinds)[number];

export interface Violation {
  readonly kind: ViolationKind;
  readonly what: string;
}

/** Signs of internals; a problem must contain none of them. */
const INTERNALS =
  /\bat .+:\d+:\d+|node_modules|\.[cm]?[jt]s\b|\b(?:SELECT|INSERT|UPDATE|DELETE) |violates|syntax error|QueryFailed|TypeORM|postgres|ECONN|NATS/;

const ProblemBody = z.looseObject({
  type: z.string(),
  title: z.string().min(1),
  status: z.number(),
  detail: z.string().min(1),
  code: z.string().regex(/^[a-z-]+(?:\.[a-z-]+)?$/),
  correlationId: z.string(),
  instance: z.string().optional(),
  retryAfterSeconds: z.number().optional(),
  errors: z
    .array(z.object({ pointer: z.string().regex(/^(?:#?(?:\/[\s\S]*)?)$/), detail: z.string().min(1) }))
    .optional(),
});

/** Compares answers with the document, and with the rules for every answer. */
export class AnswerChecks {
  private readonly ajv = new Ajv2020({ strict: false, allErrors: false, logger: false });
  private readonly validators = new Map<Schema, ValidateFunction>();

  constructor(
    private readonly document: FuzzedDocument,
    /** Texts that no answer may contain. */
    private readonly secrets: readonly string[] = [],
  ) {
    addFormats(this.ajv);
    this.ajv.addSchema({ $id: 'document', components: { schemas: document.components.schemas } });
  }

  /** Everything that is wrong with the answer to a request. */
  violations(one: FuzzCase, request: WireRequest, answer: WireAnswer): readonly Violation[] {
    const { operation } = one;
    const found: Violation[] = [];
    const note = (kind: ViolationKind, what: string): void => void found.push({ kind, what });
    const { status } = answer;
    if (status >= 500) {
      note('server error', `${status}`);
    }
    const secret = this.secrets.findIndex((text) => answer.body.includes(text));
    if (secret !== -1) {
      note('leak', `the body has secret ${secret + 1} of ${this.secrets.length} in it`);
    }
    const documented = operation.responses[String(status)];
    if (documented === undefined) {
      note('undocumented status', `${status} is not documented for ${operation.id}`);
    } else {
      for (const what of this.bodyFaults(documented.content, answer)) {
        note(what.kind, what.what);
      }
      for (const name of this.requiredHeaders(documented.headers ?? {})) {
        if (answer.headers[name.toLowerCase()] === undefined) {
          note('header', `${status} comes without ${name}`);
        }
      }
    }
    if (answer.headers['x-content-type-options'] !== 'nosniff') {
      note('header', 'no x-content-type-options: nosniff');
    }
    if (status >= 400) {
      for (const what of problemFaults(request, answer)) {
        note(what.kind, what.what);
      }
    }
    if (status < 400) {
      if (!mayCall(one)) {
        note('access', `${one.identity} may not do this, and was answered ${status}`);
      }
      const wrong = this.whyInvalid(one, request);
      if (wrong !== undefined && status !== 304) {
        note('accepted', `${wrong}, and was answered ${status}`);
      }
    }
    return found;
  }

  private *bodyFaults(
    content: Readonly<Record<string, { readonly schema: Schema }>> | undefined,
    { status, headers, body }: WireAnswer,
  ): Generator<Violation> {
    const type = headers['content-type'];
    if (content === undefined) {
      if (body !== '') {
        yield { kind: 'media type', what: `${status} has a body, which is not documented` };
      }
      return;
    }
    const media = type === undefined ? undefined : content[type.replace(/;\s*charset=utf-8$/i, '')];
    if (media === undefined) {
      yield {
        kind: 'media type',
        what: `${status} comes as ${type ?? 'nothing'}, not as ${Object.keys(content).join(' or ')}`,
      };
      return;
    }
    if (type === 'text/event-stream') {
      return;
    }
    const value = parsed(body);
    if (value === undefined) {
      yield { kind: 'schema', what: `the body of ${status} is not JSON` };
      return;
    }
    const validate = this.validatorOf(media.schema);
    if (!validate(value.json)) {
      yield { kind: 'schema', what: `the body of ${status}: ${this.ajv.errorsText(validate.errors)}` };
    }
  }

  private requiredHeaders(headers: Readonly<Record<string, { readonly $ref: string }>>): readonly string[] {
    return Object.entries(headers)
      .filter(([, { $ref }]) => this.document.components.headers[$ref.replace('#/components/headers/', '')]?.required)
      .map(([name]) => name);
  }

  /** Whether the document allows this request, for any caller. */
  isValid(one: FuzzCase, request: WireRequest): boolean {
    return this.whyInvalid(one, request) === undefined;
  }

  /** Why the document forbids this request; undefined when it does not. */
  private whyInvalid({ operation, query, path, headers }: FuzzCase, request: WireRequest): string | undefined {
    const queryOf = (name: string): readonly string[] =>
      query.filter(([one]) => one === name).map(([, value]) => value);
    const headersOf = (name: string): readonly string[] =>
      headers.filter(([one]) => one.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
    for (const parameter of operation.parameters) {
      const { name, required } = parameter;
      const values =
        parameter.in === 'path' ? [path[name] ?? ''] : parameter.in === 'query' ? queryOf(name) : headersOf(name);
      if (values.length > 1 && parameter.in === 'query') {
        return `${name} is given ${values.length} times`;
      }
      const [value] = values;
      if (value === undefined) {
        if (required) {
          return `${parameter.in} ${name} is missing`;
        }
        continue;
      }
      if (parameter.in !== 'header' && !isHole(value) && !this.allowsText(parameter, value)) {
        return `${parameter.in} ${name} is not what the document allows: ${value.slice(0, 100)}`;
      }
    }
    const known = new Set(operation.parameters.filter((one) => one.in === 'query').map(({ name }) => name));
    const unknown = query.find(([name]) => !known.has(name) && name !== '');
    if (unknown !== undefined) {
      return `there is no parameter ${unknown[0]}`;
    }
    return this.bodyInvalid(operation, request.body);
  }

  private bodyInvalid({ body: schema, bodyRequired }: Operation, body: string | undefined): string | undefined {
    if (schema === undefined) {
      return undefined;
    }
    if (body === undefined) {
      return bodyRequired ? 'the body is missing' : undefined;
    }
    const value = parsed(body);
    if (value === undefined) {
      return 'the body is not JSON';
    }
    const validate = this.validatorOf(schema);
    return validate(value.json)
      ? undefined
      : `the body is not what the document allows: ${this.ajv.errorsText(validate.errors)}`;
  }

  private allowsText({ schema }: Parameter, encoded: string): boolean {
    const text = decoded(encoded);
    if (text === undefined) {
      return false;
    }
    const { type } = resolved(this.document, schema);
    const isNumber = type === 'integer' || type === 'number';
    return this.validatorOf(schema)(isNumber && /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : text);
  }

  private validatorOf(schema: Schema): ValidateFunction {
    const known = this.validators.get(schema);
    if (known !== undefined) {
      return known;
    }
    const text = JSON.stringify(schema).replaceAll('"#/components/', '"document#/components/');
    const validator = this.ajv.compile(Schema.parse(JSON.parse(text)));
    this.validators.set(schema, validator);
    return validator;
  }
}

const isHole = (value: string): boolean => value.startsWith('{{');

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

function parsed(text: string): { readonly json: unknown } | undefined {
  try {
    return { json: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** Whether the document lets this identity call the operation at all. */
export function mayCall({ operation: { scopes }, identity }: FuzzCase): boolean {
  if (scopes === undefined || identity === 'operator') {
    return true;
  }
  return identity === 'customer' && scopes.every((scope) => scope.startsWith('orders:'));
}

/** What RFC 9457 and this system ask of every refusal. */
function* problemFaults(request: WireRequest, { status, headers, body }: WireAnswer): Generator<Violation> {
  const wrong = (what: string): Violation => ({ kind: 'problem', what: `the problem of ${status}: ${what}` });
  if (headers['content-type'] !== PROBLEM_MEDIA_TYPE) {
    yield wrong(`comes as ${headers['content-type'] ?? 'nothing'}`);
    return;
  }
  const problem = ProblemBody.safeParse(parsed(body)?.json);
  if (!problem.success) {
    yield wrong(z.prettifyError(problem.error));
    return;
  }
  const { data } = problem;
  if (data.status !== status) {
    yield wrong(`its status is ${data.status}`);
  }
  if (data.type !== problemType(data.code)) {
    yield wrong(`its type is ${data.type}`);
  }
  if (data.correlationId !== headers['x-correlation-id']) {
    yield wrong('its correlationId is not that of the header');
  }
  // What was refused while its headers were read has no address yet.
  const path = request.target.split('?', 1).join('');
  if (data.instance !== path && !(data.instance === undefined && status === 431)) {
    yield wrong(`its instance is ${data.instance}`);
  }
  if (data.retryAfterSeconds !== undefined && String(data.retryAfterSeconds) !== headers['retry-after']) {
    yield wrong('its retryAfterSeconds is not that of Retry-After');
  }
  // What the caller sent himself is in the instance and in pointers.
  const told = JSON.stringify({ ...data, instance: '', errors: data.errors?.map(({ detail }) => detail) });
  const internals = INTERNALS.exec(told);
  if (internals !== null) {
    yield { kind: 'leak', what: `the problem of ${status} shows “${internals[0]}”` };
  }
}
