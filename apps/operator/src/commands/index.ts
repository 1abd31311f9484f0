import type { Command } from 'commander';
import type { CommandContext } from './context';
import { addDeadLetters } from './dead-letters';
import { addOrders } from './orders';
import { addReconcile } from './reconcile';

export { addDeadLetters, addOrders, addReconcile };
export type { CommandContext } from './context';
export type { Connect, Connection } from '../gateway';
export { OperatorError } from '../operator-error';
export type { Terminal } from '../terminal';

/**
 * Adds every command of the operator to a program. Exit codes: 0 done, 1 failed or found a difference, 2 wrong usage, or a
 * reconciliation that did not complete; failures are
 * `OperatorError`s with their exit code.
 */
export function operatorCommands(program: Command, context: CommandContext): void {
  addDeadLetters(program, context);
  addOrders(program, context);
  addReconcile(program, context);
}
