import { type Command, InvalidArgumentError } from 'commander';
import {
  DeadLetterDetail,
  DeadLetterId,
  DeadLetterPage,
  DeadLetterReplay,
  type DeadLetterView,
} from '@rookery/contracts';
import type { Gateway } from '../gateway';
import { OperatorError, WRONG_USAGE } from '../operator-error';
import { print, printJson, report } from '../terminal';
import { type CommandContext, gatewayOf, JSON_OPTION, type JsonOption } from './context';

const PATH = '/v1/ops/dead-letters';

/** Adds `dead-letters list|show|replay|discard`. */
export function addDeadLetters(parent: Command, context: CommandContext): void {
  const { terminal } = context;
  const deadLetters = parent
    .command('dead-letters')
    .description('events that a service failed to handle: list, show, replay or discard them');

  deadLetters
    .command('list')
    .description('list all dead letters, by service and oldest first')
    .option(...JSON_OPTION)
    .action(async ({ json }: JsonOption) => {
      const letters = await all(await gatewayOf(context));
      if (json) {
        printJson(terminal, letters);
        return;
      }
      letters.forEach((letter) => print(terminal, row(letter)));
      print(terminal, letters.length === 0 ? 'No dead letters.' : `${letters.length} in all.`);
    });

  deadLetters
    .command('show')
    .description('print one dead letter as JSON, with its data; tokens and passwords are redacted')
    .argument('<id>', 'id that `list` prints, for example orders-17', idOf)
    .option(...JSON_OPTION)
    .action(async (id: string) =>
      printJson(terminal, await (await gatewayOf(context)).get(DeadLetterDetail, `${PATH}/${id}`)),
    );

  deadLetters
    .command('replay')
    .description('deliver events once more; what already took effect is not repeated')
    .argument('[ids...]', 'ids that `list` prints', idsOf)
    .option('--all', 'replay every dead letter')
    .option(...JSON_OPTION)
    .action(async (ids: readonly string[] = [], options: JsonOption & { readonly all?: boolean }) => {
      if ((ids.length === 0) !== (options.all === true)) {
        throw new OperatorError('Give the ids to replay, or --all.', WRONG_USAGE);
      }
      const gateway = await gatewayOf(context);
      const chosen = options.all ? (await all(gateway)).map(({ id }) => id) : ids;
      await each(chosen, (id) => replay(gateway, id), options, context);
    });

  deadLetters
    .command('discard')
    .description('delete dead letters without handling them')
    .argument('<ids...>', 'ids that `list` prints', idsOf)
    .option(...JSON_OPTION)
    .action(async (ids: readonly string[], options: JsonOption) => {
      const gateway = await gatewayOf(context);
      await each(ids, (id) => discard(gateway, id), options, context);
    });
}

function idOf(text: string): string {
  const id = DeadLetterId.safeParse(text);
  if (id.success) {
    return id.data;
  }
  throw new InvalidArgumentError(`${text} is not the id of a dead letter, for example orders-17.`);
}

const idsOf = (text: string, previous: readonly string[] | undefined): readonly string[] => [
  ...(previous ?? []),
  idOf(text),
];

async function all(gateway: Gateway): Promise<readonly DeadLetterView[]> {
  const letters: DeadLetterView[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? '?limit=100' : `?limit=100&cursor=${cursor}`;
    const page: DeadLetterPage = await gateway.get(DeadLetterPage, `${PATH}${query}`);
    letters.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return letters;
}

function row({ id, at, event, originalSubject, reason, attempts }: DeadLetterView): string {
  return `${id.padEnd(16)} ${at}  ${(event ?? originalSubject).padEnd(18)} ${reason}, ${attempts} attempts`;
}

/** What was done with one dead letter. */
interface Outcome {
  readonly id: string;
  readonly outcome: 'handled' | 'discarded' | 'failed';
  /** Why it failed. */
  readonly reason: string | null;
}

async function replay(gateway: Gateway, id: string): Promise<Outcome> {
  const { outcome, reason } = await gateway.post(DeadLetterReplay, `${PATH}/${id}/replays`);
  return {
    id,
    outcome,
    reason: outcome === 'failed' ? `failed again (${reason ?? 'unknown'}); the letter stays` : null,
  };
}

async function discard(gateway: Gateway, id: string): Promise<Outcome> {
  await gateway.delete(`${PATH}/${id}`);
  return { id, outcome: 'discarded', reason: null };
}

/**
 * Acts on each id, also after one failed.
 * @throws {OperatorError} at the end when one failed
 */
async function each(
  ids: readonly string[],
  act: (id: string) => Promise<Outcome>,
  { json }: JsonOption,
  { terminal }: CommandContext,
): Promise<void> {
  const outcomes: Outcome[] = [];
  for (const id of ids) {
    const outcome = await act(id).catch((error: unknown): Outcome => {
      if (!(error instanceof OperatorError)) {
        throw error;
      }
      return { id, outcome: 'failed', reason: error.message };
    });
    outcomes.push(outcome);
    if (!json) {
      (outcome.reason === null ? print : report)(terminal, `${id}: ${outcome.reason ?? outcome.outcome}`);
    }
  }
  if (json) {
    printJson(terminal, outcomes);
  } else if (ids.length === 0) {
    print(terminal, 'No dead letters.');
  }
  const failed = outcomes.filter(({ outcome }) => outcome === 'failed').length;
  if (failed > 0) {
    throw new OperatorError(`${failed} of ${ids.length} failed.`);
  }
}
