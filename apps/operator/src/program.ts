import { Command, CommanderError } from 'commander';
import { operatorCommands } from './commands';
import type { Connect, Connection } from './gateway';
import { OperatorError, WRONG_USAGE } from './operator-error';
import { report, type Terminal } from './terminal';

const ENVIRONMENT = `
Environment:
  GATEWAY_URL    address of the gateway, for example https://api.example.com
  ROOKERY_TOKEN  access token of an operator: scope ops:read, and ops:write to replay or discard

Exit code: 0 done, 1 failed or found a difference, 2 wrong usage, or a reconciliation that did not complete.`;

/** Runs the operator's program and returns its exit code. */
export async function runOperator(args: readonly string[], connect: Connect, terminal: Terminal): Promise<number> {
  const program = new Command('operator')
    .description('operates a Rookery system through its public API')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void terminal.stdout.write(text),
      writeErr: (text) => void terminal.stderr.write(text),
    })
    .showHelpAfterError('Run it with --help for its usage.')
    .addHelpText('after', ENVIRONMENT);
  operatorCommands(program, { connect, terminal });
  try {
    await program.parseAsync(args, { from: 'user' });
    return Number(terminal.exitCode ?? 0);
  } catch (error) {
    return exitCodeOf(error, terminal);
  }
}

function exitCodeOf(error: unknown, terminal: Terminal): number {
  if (error instanceof CommanderError) {
    // It has printed its message, or the help that was asked for.
    return error.exitCode === 0 ? 0 : WRONG_USAGE;
  }
  if (error instanceof OperatorError) {
    report(terminal, error.message);
    return error.exitCode;
  }
  report(terminal, `operator failed: ${String(error)}`);
  return 1;
}

/**
 * The system that the environment names.
 * @throws {OperatorError} when a variable is missing or malformed
 */
export function connectionOf(env: NodeJS.ProcessEnv): Connection {
  const token = required(env, 'ROOKERY_TOKEN', 'the access token of an operator');
  const url = required(env, 'GATEWAY_URL', 'the address of the gateway, for example https://api.example.com');
  if (!URL.canParse(url) || !/^https?:/.test(url)) {
    throw new OperatorError(`GATEWAY_URL ${JSON.stringify(url)} is not an http or https address.`, WRONG_USAGE);
  }
  return { url, hint: 'Check GATEWAY_URL, and that the gateway runs.', token: () => Promise.resolve(token) };
}

function required(env: NodeJS.ProcessEnv, name: string, what: string): string {
  const value = env[name]?.trim() ?? '';
  if (value === '') {
    throw new OperatorError(`${name} is not set: ${what}.`, WRONG_USAGE);
  }
  return value;
}
