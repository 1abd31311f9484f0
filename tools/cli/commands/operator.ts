import type { Command } from 'commander';
import { chosenSystem } from '@rookery/devkit/client/addresses';
import { demoPassword, signIn } from '@rookery/devkit/client/sign-in';
import {
  addDeadLetters,
  addOrders,
  addReconcile,
  type CommandContext,
  type Connection,
  OperatorError,
} from '../../../apps/operator/src/commands/index';

/** Half the lifetime of an access token. */
const FRESH_MS = 5 * 60_000;
const OPERATOR = 'olga';

const context: CommandContext = { connect: localSystem, terminal: process };

// The operator's program (apps/operator) on the local stack.
export const addLocalDeadLetters = (parent: Command): void => addDeadLetters(parent, context);
export const addLocalOrders = (parent: Command): void => addOrders(parent, context);
export const addLocalReconcile = (parent: Command): void => addReconcile(parent, context);

/** The local stack, as the owner of ROOKERY_TOKEN, else as the demo operator, who is signed in again while a command runs. */
function localSystem(): Connection {
  const { gatewayUrl, authUrl } = chosenSystem();
  let signedIn: { readonly token: string; readonly until: number } | undefined;
  const token = async (): Promise<string> => {
    const given = process.env['ROOKERY_TOKEN'] ?? '';
    if (given !== '') {
      return given;
    }
    if (signedIn === undefined || Date.now() >= signedIn.until) {
      const tokens = await signIn({ issuer: authUrl, login: OPERATOR, password: demoPassword(OPERATOR) }).catch(
        (cause: unknown) => {
          throw new OperatorError(cause instanceof Error ? cause.message : String(cause), 1, { cause });
        },
      );
      signedIn = { token: tokens.access_token, until: Date.now() + FRESH_MS };
    }
    return signedIn.token;
  };
  return { url: gatewayUrl, hint: 'Is `npm start` running?', token };
}
