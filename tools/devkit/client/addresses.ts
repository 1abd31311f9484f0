import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { lockHolder } from '../stack/data-lock';
import { readSettings } from '../stack/settings';
import { UserError } from '../terminal/user-error';

/** The system that a program talks to. */
export interface System {
  readonly gatewayUrl: string;
  readonly authUrl: string;
  /** Why this one, in words. */
  readonly because: string;
  /** Nothing names it, and no stack runs here: another checkout's may answer at these addresses. */
  readonly isGuess: boolean;
}

/**
 * The system that GATEWAY_URL and AUTH_URL or the ports of `npm start` name, else the stack that runs on this checkout's data folder, else
 * the default ports.
 */
export function systemOf(env: NodeJS.ProcessEnv = process.env): System {
  const settings = readSettings(env);
  const given = (name: string): string | undefined => (env[name] === '' ? undefined : env[name]);
  /** An address that the environment does not name is that of the stack that runs here. */
  const addressAt = (variable: string, port: number, running: string | undefined): string =>
    (given(variable) === undefined ? running : undefined) ?? `http://localhost:${port}`;
  const named = ['GATEWAY_URL', 'AUTH_URL', 'GATEWAY_PORT', 'AUTH_PORT'].filter((name) => given(name) !== undefined);
  const running = runningOn(settings.dataFolder);
  if (named.length === 0 && running !== undefined) {
    return { ...running, because: `the stack that runs on ${settings.dataFolder}`, isGuess: false };
  }
  return {
    gatewayUrl: given('GATEWAY_URL') ?? addressAt('GATEWAY_PORT', settings.ports.gateway, running?.gatewayUrl),
    authUrl: given('AUTH_URL') ?? addressAt('AUTH_PORT', settings.ports.auth, running?.authUrl),
    because: named.length > 0 ? named.join(', ') : `the default; no stack runs on ${settings.dataFolder}`,
    isGuess: named.length === 0,
  };
}

/** The addresses of the stack that holds the data folder. It wrote them for its apps. */
function runningOn(dataFolder: string): Pick<System, 'gatewayUrl' | 'authUrl'> | undefined {
  const [gateway, auth] = [join(dataFolder, 'env', 'gateway.env'), join(dataFolder, 'env', 'auth.env')];
  if (lockHolder(dataFolder) === undefined || !existsSync(gateway) || !existsSync(auth)) {
    return undefined;
  }
  const gatewayUrl = parseEnv(readFileSync(gateway, 'utf8'))['PUBLIC_URL'];
  const authUrl = parseEnv(readFileSync(auth, 'utf8'))['OIDC_ISSUER'];
  return gatewayUrl === undefined || authUrl === undefined ? undefined : { gatewayUrl, authUrl };
}

/** The system to read from; says on stderr which one it is, because stdout belongs to the answer. */
export function chosenSystem(): System {
  const system = systemOf();
  process.stderr.write(`System: ${system.gatewayUrl}, auth ${system.authUrl} (${system.because})\n`);
  return system;
}

/**
 * As `chosenSystem`, for a program that writes.
 * @throws {UserError} when the system is only a guess
 */
export function requireSystem(): System {
  if (systemOf().isGuess) {
    throw new UserError(
      'No stack of this checkout runs, and this would write to whatever answers at the default addresses.',
      'Start one with `npm start`, or name the system: GATEWAY_URL=http://localhost:3000 AUTH_URL=http://localhost:3001',
    );
  }
  return chosenSystem();
}
