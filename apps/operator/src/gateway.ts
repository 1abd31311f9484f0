import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { Problem } from '@rookery/contracts';
import { OperatorError } from './operator-error';

const TIMEOUT_MS = 30_000;

/** The system that a command talks to. */
export interface Connection {
  /** Address of the gateway. */
  readonly url: string;
  /** What to check when the gateway does not answer. */
  readonly hint: string;
  /** An access token. Called before each request, because a command may take longer than a token lives. */
  readonly token: () => Promise<string>;
}

/** Opens the connection of a command. Not called for `--help`. */
export type Connect = () => Connection | Promise<Connection>;

/** The public API as the operator's commands use it. */
export class Gateway {
  constructor(private readonly connection: Connection) {}

  /** @throws {OperatorError} when the gateway does not answer or rejects the request */
  async get<Schema extends z.ZodType>(schema: Schema, path: string): Promise<z.output<Schema>> {
    return this.parse(schema, await this.send('GET', path));
  }

  /** @throws {OperatorError} as `get` */
  async post<Schema extends z.ZodType>(schema: Schema, path: string, body?: object): Promise<z.output<Schema>> {
    return this.parse(schema, await this.send('POST', path, body));
  }

  /** @throws {OperatorError} as `get` */
  async delete(path: string): Promise<void> {
    await this.send('DELETE', path);
  }

  private async send(method: string, path: string, body?: object): Promise<string> {
    const { url, hint } = this.connection;
    const token = await this.connection.token();
    const init = {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(method === 'POST' ? { 'idempotency-key': randomUUID() } : {}),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    };
    const { response, text } = await fetch(new URL(path, url), init)
      .then(async (response) => ({ response, text: await response.text() }))
      .catch((cause: unknown) => {
        throw new OperatorError(`${url} does not answer. ${hint}`, 1, { cause });
      });
    if (response.ok) {
      return text;
    }
    const { data: problem } = Problem.safeParse(jsonOf(text));
    throw new OperatorError(
      problem === undefined ? `${url} answered ${response.status}.` : explain(problem, expiryOf(token)),
    );
  }

  private parse<Schema extends z.ZodType>(schema: Schema, text: string): z.output<Schema> {
    const { url, hint } = this.connection;
    const json = jsonOf(text);
    if (json === undefined) {
      throw new OperatorError(`${url} is not a Rookery gateway. ${hint}`);
    }
    const answer = schema.safeParse(json);
    if (answer.success) {
      return answer.data;
    }
    const where = answer.error.issues.map(({ path }) => path.join('/')).join(', ');
    throw new OperatorError(`${url} answers in another format (${where}): is it of another release?`);
  }
}

/** The parsed text; undefined when it is not JSON. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function explain({ status, code, detail }: Problem, expired: Date | undefined): string {
  switch (status) {
    case 401:
      return expired === undefined ? detail : `The access token expired at ${expired.toISOString()}: obtain a new one.`;
    case 403:
      return detail;
    default:
      return `${code}: ${detail}`;
  }
}

const Expiry = z.object({ exp: z.number() });

/** When a token expired; undefined for one that has not, or that cannot be read. Only the gateway decides; this explains. */
function expiryOf(token: string): Date | undefined {
  try {
    const payload: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    const at = new Date(Expiry.parse(payload).exp * 1_000);
    return at < new Date() ? at : undefined;
  } catch {
    return undefined;
  }
}
