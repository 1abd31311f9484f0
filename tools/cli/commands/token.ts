import type { Command } from 'commander';
import { chosenSystem } from '@rookery/devkit/client/addresses';
import { ALL_SCOPES, demoPassword, signIn } from '@rookery/devkit/client/sign-in';
import { type Run, running } from '../run';

interface Options {
  readonly scope?: string;
  readonly password?: string;
  readonly json?: true;
}

export function addToken(parent: Command): void {
  parent
    .command('token')
    .argument('<user>', 'alice and bob are customers, olga is the operator')
    .option('--scope <scopes>', 'for example "orders:read orders:write"; all by default')
    .option('--password <password>', 'of a user that is not a demo user')
    .option('--json', 'print the whole answer of the token endpoint')
    .action(running(token));
}

async function token(_run: Run, login: string, { scope, password, json }: Options): Promise<undefined> {
  const tokens = await signIn({
    issuer: chosenSystem().authUrl,
    login,
    password: password ?? demoPassword(login),
    scope: scope === undefined ? ALL_SCOPES : `openid ${scope}`,
  });
  process.stdout.write(json === true ? `${JSON.stringify(tokens, undefined, 2)}\n` : `${tokens.access_token}\n`);
}
