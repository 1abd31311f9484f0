import { parseArgs } from 'node:util';
import {
  DeadLetterDetail,
  DeadLetterId,
  DeadLetterPage,
  DeadLetterReplay,
  type DeadLetterView,
} from '@rookery/contracts';
import type { z } from 'zod';
import { helpWhenAsked } from '@rookery/devkit/terminal/help';
import { ask, CommandFailed, operatorToken, print, program } from './operator';

const path = '/v1/ops/dead-letters';

const usage = `Usage: npm run dlq -- list
       npm run dlq -- show <id>
       npm run dlq -- replay <id>…  |  replay --all
       npm run dlq -- discard <id>…
Ids are those that \`list\` prints, for example orders-17. ROOKERY_TOKEN is the access token to use; without it the demo
operator of \`npm start\` is signed in.`;

async function all(token: string): Promise<readonly DeadLetterView[]> {
  const letters: DeadLetterView[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? '?limit=100' : `?limit=100&cursor=${cursor}`;
    const page: z.output<typeof DeadLetterPage> = DeadLetterPage.parse(await ask(token, 'GET', `${path}${query}`));
    letters.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return letters;
}

function row({ id, at, event, originalSubject, reason, attempts }: DeadLetterView): string {
  return `${id.padEnd(16)} ${at}  ${(event ?? originalSubject).padEnd(18)} ${reason}, ${attempts} attempts`;
}

async function list(token: string): Promise<void> {
  const letters = await all(token);
  letters.forEach((letter) => print(row(letter)));
  print(letters.length === 0 ? 'No dead letters.' : `${letters.length} in all.`);
}

async function show(token: string, id: string): Promise<void> {
  print(JSON.stringify(DeadLetterDetail.parse(await ask(token, 'GET', `${path}/${id}`)), undefined, 2));
}

async function replay(token: string, id: string): Promise<void> {
  const { outcome, reason } = DeadLetterReplay.parse(await ask(token, 'POST', `${path}/${id}/replays`));
  if (outcome === 'failed') throw new CommandFailed(`failed again (${reason}); the letter stays`);
  print(`${id}: handled`);
}

async function discard(token: string, id: string): Promise<void> {
  await ask(token, 'DELETE', `${path}/${id}`);
  print(`${id}: discarded`);
}

/** Does it for each id, also after a failure; fails in the end when one failed. */
async function each(ids: readonly string[], act: (id: string) => Promise<void>): Promise<void> {
  let failed = 0;
  for (const id of ids) {
    try {
      await act(id);
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      failed += 1;
      process.stderr.write(`${id}: ${error.message}\n`);
    }
  }
  if (failed > 0) throw new CommandFailed(`${failed} of ${ids.length} failed.`);
}

function read() {
  helpWhenAsked(usage);
  try {
    return parseArgs({ allowPositionals: true, options: { all: { type: 'boolean', default: false } } });
  } catch (error) {
    throw new CommandFailed(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
  }
}

async function run(): Promise<void> {
  const { positionals, values } = read();
  const [command, ...ids] = positionals;
  const wrong = ids.find((id) => !DeadLetterId.safeParse(id).success);
  if (wrong !== undefined) throw new CommandFailed(`${wrong} is not the id of a dead letter.\n${usage}`);
  const [first] = ids;
  switch (command ?? '') {
    case 'list':
      if (first !== undefined || values.all) break;
      return list(await operatorToken());
    case 'show':
      if (first === undefined || ids.length > 1 || values.all) break;
      return show(await operatorToken(), first);
    case 'replay': {
      if ((first === undefined) !== values.all) break;
      const token = await operatorToken();
      const chosen = values.all ? (await all(token)).map(({ id }) => id) : ids;
      if (chosen.length === 0) print('No dead letters.');
      return each(chosen, (id) => replay(token, id));
    }
    case 'discard': {
      if (first === undefined || values.all) break;
      const token = await operatorToken();
      return each(ids, (id) => discard(token, id));
    }
  }
  throw new CommandFailed(usage);
}

await program('dlq', run);
