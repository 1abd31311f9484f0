import { Problem } from '@rookery/contracts';
import { authUrl, gatewayUrl } from '../demo/addresses';
import { demoPassword, signIn, SignInFailed } from '../demo/sign-in';

/** The message says all that is needed. */
export class CommandFailed extends Error {}

export const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** Runs a command; when it fails, says why in one line and exits with 1. */
export async function program(name: string, run: () => Promise<void>): Promise<void> {
  // Whoever reads may have seen enough, as `head` has.
  process.stdout.on('error', () => process.exit());
  try {
    await run();
  } catch (error) {
    const known = error instanceof CommandFailed || error instanceof SignInFailed;
    process.stderr.write(`${known ? error.message : `${name} failed: ${String(error)}`}\n`);
    process.exit(1);
  }
}

/** `ROOKERY_TOKEN`, or that of the demo operator. */
export async function operatorToken(): Promise<string> {
  const given = process.env['ROOKERY_TOKEN'];
  if (given !== undefined && given !== '') return given;
  const tokens = await signIn({ issuer: authUrl, login: 'olga', password: demoPassword('olga') });
  return tokens.access_token;
}

/** Asks the gateway as the operator; undefined when the answer has no body. */
export async function ask(token: string, method: string, path: string): Promise<unknown> {
  const url = new URL(path, gatewayUrl);
  const init = { method, headers: { authorization: `Bearer ${token}` }, signal: AbortSignal.timeout(30_000) };
  const response = await fetch(url, init).catch((cause: unknown) => {
    throw new CommandFailed(`${gatewayUrl} does not answer. Is \`npm start\` running?`, { cause });
  });
  const text = await response.text();
  const body: unknown = text === '' ? undefined : JSON.parse(text);
  if (response.ok) return body;
  const { data: problem } = Problem.safeParse(body);
  throw new CommandFailed(problem === undefined ? `the gateway answered ${response.status}` : explain(problem));
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
