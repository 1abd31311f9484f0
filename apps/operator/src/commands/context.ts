import { type Connect, Gateway } from '../gateway';
import type { Terminal } from '../terminal';

/** What every command gets: the system it asks, and where it prints. */
export interface CommandContext {
  readonly connect: Connect;
  readonly terminal: Terminal;
}

/** @throws {OperatorError} when there is no address or no token */
export const gatewayOf = async ({ connect }: CommandContext): Promise<Gateway> => new Gateway(await connect());

export interface JsonOption {
  readonly json?: boolean;
}

/** The same words in every command. */
export const JSON_OPTION = ['--json', 'print the answer as JSON'] as const;
