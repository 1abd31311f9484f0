import { randomUUID } from 'node:crypto';
import { Problem } from '@rookery/contracts';
import { authUrl, gatewayUrl, sayWhichSystem } from '@rookery/devkit/client/addresses';
import { demoPassword, signIn, SignInFailed } from '@rookery/devkit/client/sign-in';

/** The message says all that is needed. */
export class CommandFailed extends Error {}

export const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** Runs a command; when it fails, says why in one line and exits with `exitCode`. */
export async function program(name: string, run: () => Promise<void>, exitCode = 1): Promise<void> {
  // Whoever reads may have seen enough, as `head` has.
  process.stdout.on('error', () => process.exit());
  try {
    await run();
  } catch (error) {
    const known = error instanceof CommandFailed || error instanceof SignInFailed;
    process.stderr.write(`${known ? error.message : `${name} failed: ${String(error)}`}\n`);
    process.exit(exitCode);
  }
}

/** Half of what an access token lives. */
const FRESH_MS = 5 * 60_000;
let toldWhichSystem = false;
let signedIn: { readonly token: string; readonly until: number } | undefined;

/** `ROOKERY_TOKEN`, else a token of the demo operator, who is signed in; again when a command takes longer than a token lives. */
export async function operatorToken(): Promise<string> {
  if (!toldWhichSystem) sayWhichSystem();
  toldWhichSystem = true;
  const given = process.env['ROOKERY_TOKEN'];
  if (given !== undefined && given !== '') return given;
  if (signedIn !== undefined && Date.now() < signedIn.until) return signedIn.token;
  const tokens = await signIn({ issuer: authUrl, login: 'olga', password: demoPassword('olga') });
  signedIn = { token: tokens.access_token, until: Date.now() + FRESH_MS };
  return signedIn.token;
}

/** Asks the gateway as the operator; undefined when the answer has no body. Throws CommandFailed. */
export async function ask(token: string, method: string, path: string, body?: object): Promise<unknown> {
  const init = {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(method === 'POST' ? { 'idempotency-key': randomUUID() } : {}),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  };
  const response = await fetch(new URL(path, gatewayUrl), init).catch((cause: unknown) => {
    throw new CommandFailed(`${gatewayUrl} does not answer. Is \`npm start\` running?`, { cause });
  });
  const text = await response.text();
  const answer = jsonOf(text, gatewayUrl);
  if (response.ok) return answer;
  const { data: problem } = Problem.safeParse(answer);
  throw new CommandFailed(problem === undefined ? `the gateway answered ${response.status}` : explain(problem));
}

function jsonOf(text: string, gatewayUrl: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CommandFailed(
      `What answers at ${gatewayUrl} is not a gateway of Rookery. GATEWAY_URL names another address.`,
      {
        cause,
      },
    );
  }
}

function explain({ status, code, detail }: Problem): string {
  switch (status) {
    case 401:
      return `${detail} ROOKERY_TOKEN may have expired.`;
    case 403:
      return `${detail} Operators need the scope ops:read, and ops:write to change anything.`;
    default:
      return `${code}: ${detail}`;
  }
}
