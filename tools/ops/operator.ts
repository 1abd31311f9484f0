import { Problem } from '@rookery/contracts';
import { authUrl, gatewayUrl } from '../demo/addresses';
import { demoPassword, signIn } from '../demo/sign-in';

/** A command of an operator could not be carried out; the message says all that is needed. */
export class CommandFailed extends Error {}

/** Half of what an access token lives. */
const FRESH_MS = 5 * 60_000;
let signedIn: { readonly token: string; readonly until: number } | undefined;

/** `ROOKERY_TOKEN`, else a token of the demo operator, who is signed in; again when a command takes longer than a token lives. */
export async function operatorToken(): Promise<string> {
  const given = process.env['ROOKERY_TOKEN'];
  if (given !== undefined && given !== '') return given;
  if (signedIn !== undefined && Date.now() < signedIn.until) return signedIn.token;
  const tokens = await signIn({ issuer: authUrl, login: 'olga', password: demoPassword('olga') });
  signedIn = { token: tokens.access_token, until: Date.now() + FRESH_MS };
  return signedIn.token;
}

/** One request of an operator. */
export interface OperatorRequest {
  readonly token: string;
  readonly method: string;
  /** From `/v1/ops` on. */
  readonly path: string;
  readonly body?: unknown;
  /** What a token without the right scopes is told. */
  readonly needs: string;
}

/** Asks the gateway as the operator; undefined when the answer has no body. Throws CommandFailed. */
export async function askGateway({ token, method, path, body, needs }: OperatorRequest): Promise<unknown> {
  const init = {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  };
  const response = await fetch(new URL(`/v1/ops${path}`, gatewayUrl), init).catch((cause: unknown) => {
    throw new CommandFailed(`${gatewayUrl} does not answer. Is \`npm start\` running?`, { cause });
  });
  const text = await response.text();
  const answer: unknown = text === '' ? undefined : JSON.parse(text);
  if (response.ok) return answer;
  const { data: problem } = Problem.safeParse(answer);
  throw new CommandFailed(problem === undefined ? `the gateway answered ${response.status}` : explain(problem, needs));
}

function explain({ status, code, detail }: Problem, needs: string): string {
  switch (status) {
    case 401:
      return `${detail} ROOKERY_TOKEN may have expired.`;
    case 403:
      return `${detail} ${needs}`;
    default:
      return `${code}: ${detail}`;
  }
}
