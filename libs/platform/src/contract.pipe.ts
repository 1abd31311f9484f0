import { type ArgumentMetadata, Injectable, type PipeTransform } from '@nestjs/common';
import type { ProblemDetail } from '@rookery/contracts';
import { CallRefused, InvalidInput } from './errors/domain-error';
import { escapeToken } from './errors/json-pointer';
import { emptyBody } from './http/json-body';

/** More errors do not help, and the caller controls their number. */
const MAX_ERRORS = 50;

interface Issue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/**
 * 400: the input does not match its schema. For an HTTP client this is its own error. A request between services was already validated by
 * the caller, so there the two have different contracts.
 */
export class ContractBroken extends InvalidInput {
  asCallRefused(): CallRefused {
    const detail = 'The request does not match the contract of this service: see errors.';
    return new CallRefused('rpc.contract-broken', { status: 400, detail, errors: this.errors ?? [] });
  }
}

/**
 * Validates every parameter that declares a schema (`@Body({schema})`, `@Query`, `@Param`, `@Payload`) and gives the handler
 * the parsed value.
 * @throws {ContractBroken} with JSON Pointers: `/lines/0/quantity` into a body, `#/query/limit`, `#/path/id`
 * @throws {UnreadableBody} `request.empty-body` when a required body is missing
 */
@Injectable()
export class ContractPipe implements PipeTransform<unknown, Promise<unknown>> {
  async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    const { schema } = metadata;
    if (schema === undefined) {
      return value;
    }
    const result = await schema['~standard'].validate(value);
    if (result.issues === undefined) {
      return result.value;
    }
    if (value === undefined && metadata.type === 'body') {
      throw emptyBody();
    }
    const details = result.issues.flatMap((issue) => describe(issue, rootOf(metadata)));
    throw new ContractBroken(details.slice(0, MAX_ERRORS));
  }
}

function rootOf({ type, data }: ArgumentMetadata): string {
  const name = data === undefined ? '' : `/${escapeToken(data)}`;
  switch (type) {
    case 'body':
      return name;
    case 'query':
      return `#/query${name}`;
    case 'param':
      return `#/path${name}`;
    case 'custom':
      return `#/header${name}`;
  }
}

function describe(issue: Issue, root: string): readonly ProblemDetail[] {
  const pointer = [root, ...(issue.path ?? []).map((part) => escapeToken(keyOf(part)))].join('/');
  const unknown = unknownKeys(issue);
  if (unknown.length === 0) {
    return [{ pointer, detail: issue.message }];
  }
  return unknown.map((key) => ({ pointer: `${pointer}/${escapeToken(key)}`, detail: 'is not expected' }));
}

function keyOf(part: PropertyKey | { readonly key: PropertyKey }): string {
  return String(typeof part === 'object' ? part.key : part);
}

/** zod reports the keys that a strict object does not know in one issue at the object. */
function unknownKeys(issue: Issue): readonly string[] {
  if (!('code' in issue) || issue.code !== 'unrecognized_keys') {
    return [];
  }
  if (!('keys' in issue) || !Array.isArray(issue.keys)) {
    return [];
  }
  return issue.keys.map(String);
}
