import { parseArgs } from 'node:util';
import { helpWhenAsked } from '@rookery/devkit/terminal/help';
import { ALL_SCOPES, demoPassword, signIn, SignInFailed } from '@rookery/devkit/client/sign-in';
import { authUrl, sayWhichSystem } from '@rookery/devkit/client/addresses';

const usage =
  'Usage: npm run -s token <user> [-- --scope "orders:read orders:write"] [--password <password>]\nDemo users: alice, bob, olga';

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function read() {
  helpWhenAsked(usage);
  try {
    return parseArgs({ allowPositionals: true, options: { scope: { type: 'string' }, password: { type: 'string' } } });
  } catch (error) {
    return fail(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
  }
}

const { positionals, values } = read();
const [login] = positionals;
if (login === undefined || positionals.length > 1) fail(usage);
try {
  sayWhichSystem();
  const scope = values.scope === undefined ? ALL_SCOPES : `openid ${values.scope}`;
  const tokens = await signIn({ issuer: authUrl, login, password: values.password ?? demoPassword(login), scope });
  process.stdout.write(`${tokens.access_token}\n`);
} catch (error) {
  fail(error instanceof SignInFailed ? error.message : String(error));
}
