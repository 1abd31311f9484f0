import { demoPassword, signIn } from '@rookery/devkit/client/sign-in';
import { authUrl, gatewayUrl, sayWhichSystem } from '@rookery/devkit/client/addresses';
import type { Connection } from '../../../apps/operator/src/gateway';
import { OperatorError } from '../../../apps/operator/src/operator-error';
import { runOperator } from '../../../apps/operator/src/program';

/** Half the lifetime of an access token. */
const FRESH_MS = 5 * 60_000;

/** The local stack, as ROOKERY_TOKEN's owner or as the demo operator, who is signed in again while a command runs. */
function localStack(): Connection {
  sayWhichSystem();
  let signedIn: { readonly token: string; readonly until: number } | undefined;
  const token = async (): Promise<string> => {
    const given = process.env['ROOKERY_TOKEN'] ?? '';
    if (given !== '') return given;
    if (signedIn === undefined || Date.now() >= signedIn.until) {
      const login = 'olga';
      const tokens = await signIn({ issuer: authUrl, login, password: demoPassword(login) }).catch((cause: unknown) => {
        throw new OperatorError(cause instanceof Error ? cause.message : String(cause), 1, { cause });
      });
      signedIn = { token: tokens.access_token, until: Date.now() + FRESH_MS };
    }
    return signedIn.token;
  };
  return { url: gatewayUrl, hint: 'Is `npm start` running?', token };
}

// The operator's program (apps/operator) on the local stack.
process.stdout.on('error', () => process.exit());
process.exitCode = await runOperator(process.argv.slice(2), localStack, process);
